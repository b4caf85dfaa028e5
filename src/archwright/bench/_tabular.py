"""`Tabular`: a table as an estimator."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import final

from archwright.bench._benchmark import Benchmark
from archwright.estimate import Estimator
from archwright.space import Arch
from archwright.trial import Report

_COSTS = ("params", "flops", "latency_ms")


@final
class Tabular(Estimator):
    """What a search sees of a benchmark: one metric as `accuracy`, the costs, the simulated seconds.

    Reports costs first, then, at the epochs of the budget, `accuracy`, the same under the metric's own name, and
    `seconds`, the training time on the publisher's machine where it was recorded. Test results are not shown: look them
    up for the answer alone.

    Args:
        benchmark: table.
        metric: what to search by; None: the benchmark's `main`. Larger is better.
        costs: metrics of the table to report beside it; None: `params`, `flops` and `latency_ms`, those it has.

    Raises:
        UserError: no such metric; when called, no such architecture or budget, or nothing recorded for it.
    """

    source = "table"

    def __init__(
        self, benchmark: Benchmark, metric: str | None = None, *, costs: tuple[str, ...] | None = None
    ) -> None:
        self.benchmark = benchmark
        self.metric = metric or benchmark.main
        self.costs = tuple(cost for cost in _COSTS if cost in benchmark.metrics) if costs is None else costs
        for name in (self.metric, *self.costs):
            benchmark.check(name)
        self.budgets = tuple(b for b in benchmark.budgets if benchmark.has(self.metric, b))
        self.budget = self.budgets[-1] if self.budgets else None

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        costs = {name: self.benchmark.query(arch, name) for name in self.costs}
        if costs:
            yield Report(step=0, metrics=costs)
        value = self.benchmark.query(arch, self.metric, budget)
        metrics = {"accuracy": value, self.metric: value, **costs}
        if self.benchmark.timed:
            seconds = self.benchmark.seconds(arch, budget)
            metrics |= {} if math.isnan(seconds) else {"seconds": seconds}
        yield Report(step=round(budget or self.benchmark.budgets[-1]), metrics=metrics)
