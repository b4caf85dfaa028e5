"""SMAC3 as a contestant."""

from __future__ import annotations

import importlib.util
import logging
import math
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np

from archwright.errors import UserError
from archwright.search import Strategy
from archwright.space import Arch, Finite, Ordinal, Real, Space, Variable
from archwright.trial import Objective, Trial

_PLENTY = 1_000_000  # evaluations that SMAC believes to have


@final
class Smac(Strategy):
    """SMAC3's optimiser of hyper-parameters (Lindauer et al. 2022, JMLR 23), as its facade makes it: package `smac` 2.

    Initial design, random forest, expected improvement, local search and retraining are SMAC's own, conditions of the
    space are ConfigSpace's. It keeps random state of its own, so a run cannot be rebuilt from its trials: it takes part
    in comparisons and is no strategy of a study. What breaks a constraint is replaced by a random architecture; a
    failed trial is told as the worst so far.

    Args:
        space: where to search.
        initial: points of the initial design (Sobol), at least 1. SMAC: ten for each variable, at most a quarter.
        objectives: metrics to improve; the first one counts.
        limits: not taken.
        seed: non-negative integer.

    Raises:
        UserError: SMAC is not installed, limits, or `initial` below 1.
    """

    def __init__(
        self,
        space: Space,
        *,
        initial: int = 20,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        if importlib.util.find_spec("smac") is None:
            raise UserError("smac needs SMAC3: pip install smac")
        if limits:
            raise UserError("smac knows no limits")
        if initial < 1:
            raise UserError(f"initial must be at least 1, got {initial}")
        self._initial = initial
        self._worst = 0.0
        self._configurations, self._infos = _configuration_space(space), dict[Arch, Any]()
        self._facade = self._made()

    def _propose(self, rng: np.random.Generator) -> Arch:
        with warnings.catch_warnings(action="ignore"):
            info = self._facade.ask()
        genes = dict(info.config)
        values = {name: _value(self.space[name], genes[name]) for name in self.space.names if name in genes}
        arch = self.space.arch(values) if values in self.space else self.space.sample(rng)
        if values in self.space:
            self._infos[arch] = info
        return arch

    def _observe(self, trial: Trial) -> None:
        from ConfigSpace import Configuration
        from smac.runhistory.dataclasses import TrialInfo, TrialValue

        loss = self.objectives[0].loss(trial.metrics) if trial.state == "complete" else math.nan
        self._worst = max(self._worst, loss) if math.isfinite(loss) else self._worst
        info = self._infos.pop(trial.arch, None)
        if info is None:
            genes = {name: _gene(self.space[name], value) for name, value in trial.arch.items()}
            info = TrialInfo(Configuration(self._configurations, values=genes), seed=0)
        with warnings.catch_warnings(action="ignore"):
            self._facade.tell(info, TrialValue(cost=loss if math.isfinite(loss) else self._worst), save=False)

    def _made(self) -> Any:
        from smac import HyperparameterOptimizationFacade as Facade
        from smac import Scenario

        logging.getLogger("smac").setLevel(logging.ERROR)
        self._configurations.seed(self.seed)
        folder = Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        scenario = Scenario(
            self._configurations,
            deterministic=True,
            n_trials=_PLENTY,
            output_directory=folder,
            seed=self.seed,
        )
        return Facade(
            scenario,
            _never,
            initial_design=Facade.get_initial_design(scenario, n_configs=self._initial),
            intensifier=Facade.get_intensifier(scenario, max_config_calls=1),
            overwrite=True,
            logging_level=False,
        )


def _never(configuration: Any, seed: int = 0) -> float:
    raise AssertionError("SMAC is asked and told; it evaluates nothing itself")


def _configuration_space(space: Space) -> Any:
    """The variables and conditions of a space: options by their position, intervals as positions in [0, 1]."""
    from ConfigSpace import AndConjunction, Categorical, ConfigurationSpace, Float, InCondition, Integer, OrConjunction

    found = ConfigurationSpace()
    for variable in space.variables:
        if isinstance(variable, Real):
            found.add(Float(variable.name, (0.0, 1.0)))
            continue
        assert isinstance(variable, Finite)
        last = len(variable.options) - 1
        if isinstance(variable, Ordinal) and last:
            found.add(Integer(variable.name, (0, last)))
        else:
            found.add(Categorical(variable.name, list(range(last + 1))))
    for child, terms in space.when.items():
        conditions = []
        for term in terms:
            parts = [
                InCondition(found[child], found[parent], [_gene(space[parent], value) for value in values])
                for parent, values in term.items()
            ]
            conditions.append(AndConjunction(*parts) if len(parts) > 1 else parts[0])
        found.add(OrConjunction(*conditions) if len(conditions) > 1 else conditions[0])
    return found


def _value(variable: Variable, gene: Any) -> Any:
    if isinstance(variable, Real):
        return variable.at(float(gene))
    assert isinstance(variable, Finite)
    return variable.options[int(gene)]


def _gene(variable: Variable, value: Any) -> Any:
    if isinstance(variable, Real):
        return variable.position(value)
    assert isinstance(variable, Finite)
    return variable.options.index(value)
