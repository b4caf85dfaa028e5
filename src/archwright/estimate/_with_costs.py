"""`WithCosts`: cost metrics beside the score of another estimator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from archwright.estimate._estimator import Estimator
from archwright.space import Arch
from archwright.trial import Metrics, Report

Costs = Callable[[Arch], Metrics]


class WithCosts(Estimator):
    """Reports the costs of an architecture first, so that limits are checked before it is evaluated, then what the
    inner estimator says, with the costs added.

    Args:
        estimator: what gives the score.
        costs: architecture to named costs.
    """

    def __init__(self, estimator: Estimator, costs: Costs) -> None:
        self.estimator, self.costs = estimator, costs
        self.source, self.objective, self.shared = estimator.source, estimator.objective, estimator.shared
        self.budget, self.budgets = estimator.budget, estimator.budgets

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        known: Mapping[str, Any] = self.costs(arch)
        yield Report(step=0, metrics=known)
        for report in self.estimator(arch, budget=budget, seed=seed):
            yield Report(step=report.step, metrics={**known, **report.metrics})
