"""pymoo's genetic algorithms as strategies."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from archwright.errors import UserError
from archwright.search._fitness import fitness
from archwright.search._strategy import Strategy
from archwright.space import Arch, Finite, Ordinal, Real, Space
from archwright.trial import Objective, Trial


@final
class FromPymoo(Strategy):
    """A genetic algorithm of pymoo (Blank and Deb 2020, IEEE Access 8), with its operators for mixed variables.

    Its generations are handed out one architecture after the other; the next one is bred when all have been told. Who
    asks for more meanwhile gets random architectures. Architectures told that were not asked for take the places of
    those next in turn. Variables that are not active are kept among the genes and dropped from the architecture;
    children that break a constraint of the space (`where`) are replaced by random ones. Failed trials count as worse
    than the worst.

    Args:
        space: where to search.
        algorithm: `"ga"` or, for several objectives, `"nsga2"`.
        population: members of a generation, at least 2. pymoo: 50 and 100.
        objectives: metrics to improve; the first one counts for `"ga"`.
        limits: upper limits on metrics, told as constraints (relative excess).
        seed: non-negative integer.

    Raises:
        UserError: pymoo is not installed, or a population below 2.
    """

    def __init__(
        self,
        space: Space,
        *,
        algorithm: str = "ga",
        population: int = 50,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        if importlib.util.find_spec("pymoo") is None:
            raise UserError(f"pymoo-{algorithm} needs pymoo: pip install pymoo")
        if population < 2:
            raise UserError(f"population must be at least 2, got {population}")
        self.algorithm, self.population = algorithm, population
        self._judged = self.objectives[:1] if algorithm == "ga" else self.objectives
        self._optimiser = _optimiser(space, algorithm, population, len(self._judged), bool(self.limits), seed)
        self._worst = np.zeros(len(self._judged))
        self._breed()

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return {"algorithm": self.algorithm, "population": self.population}

    def _breed(self) -> None:
        """The next generation, with architectures for its members."""
        self._generation: Any = self._optimiser.ask()
        self._members: list[Arch] = []
        self._free: list[int] = []
        self._handed = 0
        found = [] if self._generation is None else list(self._generation)
        rng = self._streams[self.made]
        for place, individual in enumerate(found):
            self._free.append(place)
            self._members.append(self._decoded(individual.X) or self._replaced(individual, self.space.sample(rng)))

    def _replaced(self, individual: Any, arch: Arch) -> Arch:
        genes = {name: _gene(self.space[name], value) for name, value in arch.items()}
        individual.set("X", {**individual.X, **genes})
        return arch

    def _decoded(self, genes: Mapping[str, Any]) -> Arch | None:
        """The architecture of some genes; None if it breaks a constraint."""
        values = {variable.name: _value(variable, genes[variable.name]) for variable in self.space.variables}
        arch = {name: values[name] for name in self.space.active(values)}
        return self.space.arch(arch) if arch in self.space else None

    def _propose(self, rng: np.random.Generator) -> Arch:
        place = max(self._handed, len(self._members) - len(self._free))
        self._handed = place + 1
        return self._members[place] if place < len(self._members) else self.space.sample(rng)

    def _observe(self, trial: Trial) -> None:
        if not self._free:  # nothing new could be bred
            return
        place = next((p for p in self._free if self._members[p] == trial.arch), self._free[0])
        individual = self._generation[place]
        if self._members[place] != trial.arch:
            self._members[place] = self._replaced(individual, trial.arch)
        violation, *losses = fitness(trial, self._judged, self.limits)
        known = np.array(losses)
        self._worst = np.where(np.isfinite(known), np.maximum(self._worst, known), self._worst)
        individual.set("F", np.where(np.isfinite(known), known, self._worst + np.abs(self._worst) + 1.0))
        if self.limits:
            individual.set("G", np.array([violation if math.isfinite(violation) else 1e6]))
        self._free.remove(place)
        if not self._free:
            self._optimiser.tell(infills=self._generation)
            self._breed()


def _optimiser(space: Space, algorithm: str, population: int, objectives: int, limited: bool, seed: int) -> Any:
    """pymoo's algorithm, set up on a problem with the variables of `space`."""
    from pymoo.algorithms.moo.nsga2 import RankAndCrowdingSurvival
    from pymoo.config import Config
    from pymoo.core.mixed import MixedVariableGA
    from pymoo.core.problem import Problem
    from pymoo.core.termination import NoTermination

    Config.warnings["not_compiled"] = False
    problem = Problem(
        vars={variable.name: _variable(variable) for variable in space.variables},
        n_obj=objectives,
        n_ieq_constr=int(limited),
    )
    survival = {} if algorithm == "ga" else {"survival": RankAndCrowdingSurvival()}
    found = MixedVariableGA(pop_size=population, **survival)
    found.setup(problem, termination=NoTermination(), seed=seed, verbose=False)
    return found


def _variable(variable: Any) -> Any:
    """A variable of a space as one of pymoo's: options by their position, intervals as positions in [0, 1]."""
    from pymoo.core import variable as pymoo

    if isinstance(variable, Real):
        return pymoo.Real(bounds=(0.0, 1.0))
    if isinstance(variable, Ordinal):
        return pymoo.Integer(bounds=(0, len(variable.options) - 1))
    return pymoo.Choice(options=list(range(len(variable.options))))


def _value(variable: Any, gene: Any) -> Any:
    if isinstance(variable, Real):
        return variable.at(float(gene))
    return variable.options[int(gene)]


def _gene(variable: Any, value: Any) -> Any:
    if isinstance(variable, Real):
        return variable.position(value)
    assert isinstance(variable, Finite)
    return variable.options.index(value)


def ga(
    space: Space,
    *,
    population: int = 50,
    objectives: Sequence[str | Objective] = ("accuracy",),
    limits: Mapping[str, float] | None = None,
    seed: int = 0,
) -> FromPymoo:
    """pymoo's genetic algorithm for mixed variables.

    Args:
        space: where to search.
        population: members of a generation, at least 2.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.
    """
    return FromPymoo(space, algorithm="ga", population=population, objectives=objectives, limits=limits, seed=seed)


def nsga2(
    space: Space,
    *,
    population: int = 50,
    objectives: Sequence[str | Objective] = ("accuracy",),
    limits: Mapping[str, float] | None = None,
    seed: int = 0,
) -> FromPymoo:
    """pymoo's survival by rank and crowding (NSGA-II) with its operators for mixed variables.

    Args:
        space: where to search.
        population: members of a generation, at least 2.
        objectives: metrics to improve.
        limits: upper limits on metrics.
        seed: non-negative integer.
    """
    return FromPymoo(space, algorithm="nsga2", population=population, objectives=objectives, limits=limits, seed=seed)
