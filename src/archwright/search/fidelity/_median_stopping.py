"""The median stopping rule around any strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, final

from archwright.search.fidelity._base import RANDOM, Base
from archwright.search.fidelity._stopping import Stopping
from archwright.space import Space
from archwright.trial import Objective, Report, Trial


@final
class MedianStopping(Stopping):
    """Ends trials whose best value is worse than the median of the others' means up to the same epoch.

    Golovin et al., "Google Vizier", KDD 2017, section 3.2.2 (`estimate.extrapolate.MedianRule`). The others are the
    told trials, complete or stopped, that came this far at the same budget. A stopped trial counts as a trial with its
    last value; it is never the answer.

    Args:
        space: where to search.
        base: strategy that proposes.
        warm_up: epochs (reports) that are never stopped, at least 0.
        least: other trials that must have come this far, at least 1.
        max_budget: handed to a base that chooses budgets.
        objectives: metrics to improve; the first one is watched.
        limits: upper limits on metrics.
        seed: non-negative integer.

    Raises:
        UserError: a number out of range.
    """

    def __init__(
        self,
        space: Space,
        *,
        base: Annotated[Base, "strategy"] = RANDOM,
        warm_up: int = 0,
        least: int = 3,
        max_budget: float = 81.0,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        from archwright.estimate.extrapolate import MedianRule  # imports torch

        super().__init__(space, max_budget=max_budget, base=base, objectives=objectives, limits=limits, seed=seed)
        self.rule = MedianRule(warm_up=warm_up, least=least)

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return {"warm_up": self.rule.warm_up, "least": self.rule.least, **super().settings}

    def _stops(self, trial: Trial, report: Report) -> bool:
        curve = self._values([*trial.reports, report])
        return self.rule.stops(curve, [self._values(other.reports) for other in self._others(trial)])
