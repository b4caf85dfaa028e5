"""What wrappers that end trials early have in common."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from typing import final

import numpy as np

from archwright.search._strategy import Proposal, Strategy
from archwright.search.fidelity._base import RANDOM, Base, built, described
from archwright.space import Arch, Space
from archwright.trial import Objective, Report, Trial


class Stopping(Strategy):
    """Another strategy, whose running trials are ended by a rule on their reports.

    Trials are compared with those of the same budget, by the first objective. Subclasses implement `_stops`, and may
    change in `_shown` what the base is told of a stopped trial.
    """

    curved = True

    def __init__(
        self,
        space: Space,
        *,
        max_budget: float,
        base: Base = RANDOM,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        self.base = base
        self.max_budget = max_budget
        self.strategy = built(
            base, space, objectives=self.objectives, limits=self.limits, seed=seed, max_budget=max_budget
        )
        self.budgeted, self.largest_budget = self.strategy.budgeted, self.strategy.largest_budget
        self._finished: dict[float | None, list[Trial]] = {}

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return described(self.base, self.strategy)

    @final
    def should_stop(self, trial: Trial, report: Report) -> bool:
        if self.strategy.should_stop(trial, report):
            return True
        if self.objectives[0].metric not in report.metrics:
            return False
        return self._stops(trial, report)

    def _propose(self, rng: np.random.Generator) -> Arch | Proposal:
        self.strategy.skip_to(self.made)
        return self.strategy.ask()

    def _observe(self, trial: Trial) -> None:
        shown = self._shown(trial) if trial.state == "stopped" else trial
        if trial.state in ("complete", "stopped"):
            self._finished.setdefault(trial.budget, []).append(trial)
        self.strategy.tell(shown)

    def _shown(self, trial: Trial) -> Trial:
        """What the base is told in place of a stopped trial."""
        return trial

    def _values(self, reports: Sequence[Report]) -> list[float]:
        """The first objective after each report that has it, as a number to maximise."""
        objective = self.objectives[0]
        return [-objective.loss(r.metrics) for r in reports if objective.metric in r.metrics]

    def _others(self, trial: Trial, state: str = "") -> Iterator[Trial]:
        """Told trials of the same budget."""
        return (t for t in self._finished.get(trial.budget, ()) if not state or t.state == state)

    @abc.abstractmethod
    def _stops(self, trial: Trial, report: Report) -> bool:
        """Whether to end `trial` with `report`, which has the first objective."""
