"""Random search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np

from archwright.search._novelty import Novelty
from archwright.search._strategy import Strategy
from archwright.space import Arch, Space
from archwright.trial import Objective, Trial


@final
class Random(Strategy):
    """Uniform random sampling of the space without repetition, the baseline of every comparison.

    Li and Talwalkar (2019), "Random Search and Reproducibility for Neural Architecture Search".

    Args:
        space: where to search.
        objectives: not used; kept for the study.
        limits: not used; kept for the study.
        seed: non-negative integer.
    """

    def __init__(
        self,
        space: Space,
        *,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        self._novelty = Novelty(space)

    def _propose(self, rng: np.random.Generator) -> Arch:
        return self._novelty.first(lambda: self.space.sample(rng), rng)

    def _observe(self, trial: Trial) -> None:
        self._novelty.add(trial.arch)
