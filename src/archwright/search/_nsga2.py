"""NSGA-II."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np

from archwright.errors import UserError
from archwright.search._fitness import constrained_fronts, crowding, fitness
from archwright.search._novelty import Novelty
from archwright.search._strategy import Strategy
from archwright.space import Arch, Space
from archwright.trial import Objective, Trial


@final
class NSGA2(Strategy):
    """Constrained multi-objective evolution: non-dominated rank, then crowding distance.

    Deb, Pratap, Agarwal and Meyarivan (2002), "A fast and elitist multiobjective genetic algorithm: NSGA-II". Survivors
    are chosen after every told trial (steady state: Durillo, Nebro, Luna and Alba 2009, "On the effect of the
    steady-state selection scheme in multi-objective genetic algorithms"), so they depend on the order of the trials
    only, not on the batch size. Between two trials a feasible one wins, then the smaller violation, then the rank, then
    the crowding distance. No architecture is proposed twice while the space has others.

    Args:
        space: where to search.
        population: number of survivors, which is also the number of random first proposals; at least 2.
        crossover: probability that a child has two parents, in [0, 1].
        mutation: probability of each active variable of a child to change, in (0, 1]; None means one over their number.
        objectives: metrics to improve.
        limits: upper limits on metrics.
        seed: non-negative integer.

    Raises:
        UserError: a setting out of range.
    """

    def __init__(
        self,
        space: Space,
        *,
        population: int = 32,
        crossover: float = 0.9,
        mutation: float | None = None,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        if population < 2:
            raise UserError(f"population must be at least 2, got {population}")
        if not 0 <= crossover <= 1:
            raise UserError(f"crossover must be in [0, 1], got {crossover}")
        if mutation is not None and not 0 < mutation <= 1:
            raise UserError(f"mutation must be in (0, 1] or None, got {mutation}")
        self.population = population
        self.crossover = crossover
        self.mutation = mutation
        self._archs: list[Arch] = []
        self._table = np.empty((0, 1 + len(self.objectives)))
        self._ranks = np.empty(0, dtype=np.int64)
        self._distance = np.empty(0)
        self._novelty = Novelty(space)

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return {"population": self.population, "crossover": self.crossover, "mutation": self.mutation}

    @property
    def members(self) -> tuple[Arch, ...]:
        """The survivors, oldest first."""
        return tuple(self._archs)

    def _propose(self, rng: np.random.Generator) -> Arch:
        if self.made < self.population or not self._archs:
            return self._novelty.first(lambda: self.space.sample(rng), rng)
        return self._novelty.first(lambda: self._child(rng), rng)

    def _child(self, rng: np.random.Generator) -> Arch:
        first = child = self._archs[self._tournament(rng)]
        if rng.random() < self.crossover:
            child = self.space.crossover(first, self._archs[self._tournament(rng)], rng)
        rate = 1 / len(child) if self.mutation is None else self.mutation
        changes = int(rng.binomial(len(child), rate))
        if child == first:
            changes = max(changes, 1)
        return self.space.mutate(child, rng, changes) if changes else child

    def _tournament(self, rng: np.random.Generator) -> int:
        """Position of the better of two random survivors."""
        a, b = rng.integers(len(self._archs), size=2).tolist()
        better = (self._ranks[a], -self._distance[a]) <= (self._ranks[b], -self._distance[b])
        return a if better else b

    def _observe(self, trial: Trial) -> None:
        self._novelty.add(trial.arch)
        self._archs.append(trial.arch)
        self._table = np.vstack([self._table, fitness(trial, self.objectives, self.limits)])
        self._ranks = constrained_fronts(self._table)
        if len(self._archs) > self.population:
            leaver = int(np.lexsort((crowding(self._table, self._ranks), -self._ranks))[0])
            del self._archs[leaver]
            self._table = np.delete(self._table, leaver, axis=0)
            self._ranks = np.delete(self._ranks, leaver)  # it was on the last front, so the other ranks stay
        self._distance = crowding(self._table, self._ranks)
