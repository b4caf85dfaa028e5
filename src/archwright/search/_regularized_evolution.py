"""Regularised (ageing) evolution."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Literal, final

import numpy as np

from archwright.errors import UserError
from archwright.search._fitness import fitness
from archwright.search._novelty import Novelty
from archwright.search._strategy import Strategy
from archwright.space import Arch, Space
from archwright.trial import Objective, Trial


@final
class RegularizedEvolution(Strategy):
    """Tournament parent, one mutation, the oldest dies.

    Real, Aggarwal, Huang and Le (2019), "Regularized Evolution for Image Classifier Architecture Search", algorithm 1.
    The population is the last `population` trials told. Infeasible trials lose against feasible ones and among
    themselves by the size of the violation; failed trials lose against all. Ties are broken at random. Only the first
    objective drives the tournament. The answer of a run is the best of its whole history, not of the last population.

    Args:
        space: where to search; a child differs from its parent as `Space.mutate` says.
        population: number of living trials P, the first P of which are random. Paper: 100.
        sample: tournament size S, at most `population`. Paper: 25.
        replace: draw the tournament with replacement, as the reference code does.
        identity: probability that a child equals its parent and is evaluated again, in [0, 1). The paper has 0.05; the
            default is 0, for evaluations that would return the same number again.
        duplicates: whether an architecture may be proposed again later, as in the paper; False skips those seen.
        remove: `"oldest"`; `"worst"` is plain (non-ageing) tournament evolution, the control experiment of the paper.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.

    Raises:
        UserError: a setting out of range.
    """

    def __init__(
        self,
        space: Space,
        *,
        population: int = 100,
        sample: int = 25,
        replace: bool = True,
        identity: float = 0.0,
        duplicates: bool = True,
        remove: Literal["oldest", "worst"] = "oldest",
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        if not 1 <= sample <= population:
            raise UserError(f"sample must be from 1 to population={population}, got {sample}")
        if not 0 <= identity < 1:
            raise UserError(f"identity must be in [0, 1), got {identity}")
        if remove not in ("oldest", "worst"):
            raise UserError(f"remove must be 'oldest' or 'worst', got {remove!r}")
        self.population = population
        self.sample = sample
        self.replace = replace
        self.identity = identity
        self.duplicates = duplicates
        self.remove = remove
        self._archs: deque[Arch] = deque()
        self._ranks: deque[tuple[float, ...]] = deque()
        self._novelty = None if duplicates else Novelty(space)

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return {
            "population": self.population,
            "sample": self.sample,
            "replace": self.replace,
            "identity": self.identity,
            "duplicates": self.duplicates,
            "remove": self.remove,
        }

    @property
    def members(self) -> tuple[Arch, ...]:
        """The living population, oldest first."""
        return tuple(self._archs)

    def _propose(self, rng: np.random.Generator) -> Arch:
        if self._novelty is not None:
            return self._novelty.first(lambda: self._birth(rng), rng)
        return self._birth(rng)

    def _birth(self, rng: np.random.Generator) -> Arch:
        if self.made < self.population or not self._archs:
            return self.space.sample(rng)
        parent = self._archs[self._tournament(rng)]
        if self.identity and rng.random() < self.identity:
            return parent
        return self.space.mutate(parent, rng)

    def _tournament(self, rng: np.random.Generator) -> int:
        """Position of the best of `sample` random members; of equals the first drawn, which is a random one."""
        living = len(self._archs)
        if self.replace:
            drawn = (rng.random(self.sample) * living).astype(np.intp)
        else:
            drawn = rng.permutation(living)[: self.sample]
        return min(drawn.tolist(), key=self._ranks.__getitem__)

    def _observe(self, trial: Trial) -> None:
        self._archs.append(trial.arch)
        self._ranks.append(fitness(trial, self.objectives[:1], self.limits))
        if len(self._archs) > self.population:
            leaver = 0 if self.remove == "oldest" else max(range(len(self._ranks)), key=self._ranks.__getitem__)
            del self._archs[leaver]
            del self._ranks[leaver]
        if self._novelty is not None:
            self._novelty.add(trial.arch)
