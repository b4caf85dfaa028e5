"""A table as a judge of searches."""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np

from archwright.bench._benchmark import Benchmark
from archwright.bench._judge import Curve, Judge, Judgement
from archwright.errors import UserError
from archwright.space import Arch
from archwright.statistics import expected_maxima


@final
class TableJudge(Judge):
    """A published table: searches see the validation metric, the incumbent is judged by the test metric, too.

    Regrets are differences from the best architecture of the table, by either metric at the longest budget, in the
    units of the metric: percentage points. A table without a validation metric is searched by its test metric, and
    both regrets are the same.

    Args:
        benchmark: table.
        metric: what to search by; None: the benchmark's `main`. Larger is better.

    Raises:
        UserError: no such metric.
    """

    def __init__(self, benchmark: Benchmark, metric: str | None = None) -> None:
        self.benchmark, self.metric = benchmark, metric or benchmark.main
        benchmark.check(self.metric)
        test = self.metric.replace("valid", "test")
        self._test = test if benchmark.has(test) else self.metric
        percent = self.metric.endswith("accuracy")
        super().__init__(
            name=benchmark.name,
            dataset=benchmark.dataset,
            space=benchmark.space,
            objective="accuracy",
            unit="percentage points" if percent else self.metric,
        )
        self._best_valid, self._best_test = benchmark.best(self.metric)[1], benchmark.best(self._test)[1]
        self._budgets = tuple(b for b in benchmark.budgets if benchmark.has(self.metric, b))

    @property
    def about(self) -> Mapping[str, Any]:
        return {"problem": self.name, "dataset": self.dataset, "metric": self.metric}

    @property
    def budgets(self) -> tuple[float, ...]:
        return self._budgets

    @property
    def tested(self) -> bool:
        return self._test != self.metric

    def __call__(self, arch: Arch, *, budget: float | None, seed: tuple[int, int]) -> Judgement:
        epochs = self._nearest(budget)
        longest = self._budgets[-1]
        try:
            row = self.benchmark.index(arch)
        except UserError:  # the table has no entry
            row = -1
        value = self._value(self.metric, row, epochs)
        complete = epochs == longest
        return Judgement(
            metrics={"accuracy": value} if math.isfinite(value) else {},
            loss=-value,
            valid_regret=self._best_valid - value if complete else math.nan,
            test_regret=self._best_test - self._value(self._test, row, longest),
            cost=epochs / longest,
            complete=complete and math.isfinite(value),
        )

    def _nearest(self, budget: float | None) -> float:
        """The first of the table's budgets that is not shorter; the longest for anything longer."""
        if budget is None:
            return self._budgets[-1]
        return self._budgets[min(bisect.bisect_left(self._budgets, budget), len(self._budgets) - 1)]

    def _value(self, metric: str, row: int, budget: float) -> float:
        return self.benchmark.entry(row, metric, budget) if row >= 0 else math.nan

    def random_search(self, budget: int) -> tuple[Curve, Curve] | None:
        valid, test = self.benchmark.values(self.metric), self.benchmark.values(self._test)
        there = np.isfinite(valid) & np.isfinite(test)
        n = min(budget, int(there.sum()))
        curves = (expected_maxima(valid[there], n), expected_maxima(valid[there], n, report=test[there]))
        padded = [np.concatenate([curve, np.full(budget - n, curve[-1])]) for curve in curves]
        return (self._best_valid - padded[0]).tolist(), (self._best_test - padded[1]).tolist()
