"""`Benchmark`: the published results of every architecture of a space."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import nn

from archwright.bench._rows import Architectures, Rows
from archwright.errors import UserError, nearest
from archwright.space import Arch, Space

Column = NDArray[Any]
Columns = Mapping[str, Column | Mapping[float, Column]]


class Benchmark(ABC):
    """Results of trained networks in a table: architecture and metric to number.

    Accuracies are percentages, times seconds or (`latency_ms`) milliseconds, energies millijoules; `flops` counts two
    per multiply-accumulate of convolutions and linear layers, as `archwright.cost.flops` does.

    Args:
        dataset: what the networks were trained on; one of `datasets`.
        space: what the table covers.
        rows: which architecture stands in which row.
        columns: metric to (n,) values, or to such values for each training budget; NaN where nothing was recorded.
        budgets: training lengths in epochs, increasing; the last one is meant where none is given.
        main: the metric that a search should drive.
        seconds: (n,) training seconds an epoch on the publisher's machine; None: not recorded.
        repeats: metric to (n, runs), the single runs behind a mean, NaN where there were fewer.
        scores: published scores of estimators by name, (n,) each, NaN where absent.
    """

    name: ClassVar[str]
    datasets: ClassVar[tuple[str, ...]]
    tables: ClassVar[tuple[str, ...]] = ()
    """Files below `nas/` that it reads; it cannot do without the first."""

    def __init__(
        self,
        *,
        dataset: str,
        space: Space,
        rows: Rows,
        columns: Columns,
        budgets: Sequence[float],
        main: str = "valid_accuracy",
        seconds: Column | None = None,
        repeats: Mapping[str, Column] | None = None,
        scores: Mapping[str, Column] | None = None,
    ) -> None:
        self.dataset = dataset
        self.space = space
        self.budgets = tuple(budgets)
        self.main = main
        self.metrics = tuple(columns)
        self._rows = rows
        self._index = rows.index
        self._columns: dict[tuple[str, float | None], Column] = {}
        for metric, column in columns.items():
            by_budget = column if isinstance(column, Mapping) else dict.fromkeys([None, *self.budgets], column)
            self._columns.update({(metric, budget): values for budget, values in by_budget.items()})
            if self.budgets[-1] in by_budget:
                self._columns[metric, None] = by_budget[self.budgets[-1]]
        self._seconds = seconds
        self._repeats = dict(repeats or {})
        self._scores = dict(scores or {})

    @classmethod
    def _checked(cls, dataset: str | None) -> str:
        """`dataset`, or the first one.

        Raises:
            UserError: not one of `datasets`.
        """
        if dataset is not None and dataset not in cls.datasets:
            raise UserError(f"{cls.name} has no results on {dataset!r}{nearest(dataset, cls.datasets)}")
        return dataset or cls.datasets[0]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(dataset={self.dataset!r}): {len(self):,} architectures"

    # architectures ----------------------------------------------------------------------------------------------------

    def architectures(self) -> Sequence[Arch]:
        """All of them, in the order of the rows; each is made when it is asked for."""
        return Architectures(self._rows)

    def index(self, arch: Mapping[str, Any]) -> int:
        """The row of `arch`.

        Raises:
            UserError: not of the space, or without results.
        """
        return self._index(arch)

    # results ----------------------------------------------------------------------------------------------------------

    def query(self, arch: Mapping[str, Any], metric: str, budget: float | None = None) -> float:
        """One number of the table; NaN where nothing was recorded.

        Args:
            arch: a member of the space.
            metric: one of `metrics`.
            budget: one of `budgets`; None: the longest.

        Raises:
            UserError: no such architecture, metric or budget.
        """
        return self.entry(self._index(arch), metric, budget)

    def entry(self, row: int, metric: str, budget: float | None = None) -> float:
        """`query` by the number of a row.

        Raises:
            UserError: no such metric or budget.
        """
        column = self._columns.get((metric, budget))
        if column is None:
            raise self._unknown(metric, budget)
        return float(column.item(row))

    def values(self, metric: str, budget: float | None = None) -> NDArray[np.float64]:
        """`query` for all architectures at once, (n,), in the order of `architectures()`.

        Raises:
            UserError: no such metric or budget.
        """
        column = self._columns.get((metric, budget))
        if column is None:
            raise self._unknown(metric, budget)
        return np.array(column, dtype=np.float64)

    def has(self, metric: str, budget: float | None = None) -> bool:
        """Whether there are values of a metric at a budget."""
        return (metric, budget) in self._columns

    def check(self, metric: str) -> None:
        """Nothing, for one of `metrics`.

        Raises:
            UserError: no such metric.
        """
        if metric not in self.metrics:
            raise self._unknown(metric, None)

    def best(self, metric: str | None = None, budget: float | None = None) -> tuple[Arch, float]:
        """The architecture with the highest value, the first of several, and that value; costs are lowest at best.

        Raises:
            UserError: no such metric or budget.
        """
        name = metric or self.main
        values = self.values(name, budget)
        row = int(np.nanargmin(values) if lower_is_better(name) else np.nanargmax(values))
        return self._rows.arch(row), float(values[row])

    def seconds(self, arch: Mapping[str, Any], budget: float | None = None) -> float:
        """Training seconds of `arch` on the publisher's machine: the simulated clock of a search.

        Args:
            arch: a member of the space.
            budget: epochs; None: the longest of `budgets`.

        Raises:
            UserError: no such architecture, or the table has no times.
        """
        if self._seconds is None:
            raise UserError(f"{self.name} has no training times on {self.dataset}")
        return float(self._seconds.item(self._index(arch))) * (self.budgets[-1] if budget is None else budget)

    @property
    def timed(self) -> bool:
        """Whether `seconds` are recorded."""
        return self._seconds is not None

    def repeats(self, metric: str) -> NDArray[np.float64] | None:
        """(n, runs) single trainings behind `metric` at the longest budget, NaN where there were fewer, or None."""
        runs = self._repeats.get(metric)
        return None if runs is None else np.array(runs, dtype=np.float64)

    # estimators -------------------------------------------------------------------------------------------------------

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of the published estimator scores that come with the table."""
        return tuple(self._scores)

    def score(self, name: str) -> NDArray[np.float64]:
        """(n,) published scores of one estimator, NaN where absent; higher is better.

        Raises:
            UserError: not one of `scores`.
        """
        if name not in self._scores:
            raise UserError(
                f"{self.name} on {self.dataset} has no published scores {name!r}{nearest(name, self._scores)}"
            )
        return np.array(self._scores[name], dtype=np.float64)

    @abstractmethod
    def counts(self) -> Mapping[str, NDArray[np.float64]]:
        """Hand-made counts, (n,) each, that every estimator has to beat; `ops`: number of weighted operations."""

    def network(self, arch: Mapping[str, Any], *, seed: int) -> nn.Module:
        """`arch` as an untrained plain network in the published size, its weights drawn from `seed`.

        Raises:
            UserError: this table comes without networks.
        """
        raise UserError(f"{self.name} comes without networks; use its table: scores {', '.join(self.scores) or 'none'}")

    def _unknown(self, metric: str, budget: float | None) -> UserError:
        if metric not in self.metrics:
            return UserError(f"{self.name} on {self.dataset} has no metric {metric!r}{nearest(metric, self.metrics)}")
        allowed = [f"{b:g}" for m, b in self._columns if m == metric and b is not None]
        return UserError(f"{self.name} has {metric} after {', '.join(allowed)} epochs, not after {budget!r}")


def lower_is_better(metric: str) -> bool:
    """Whether `metric` is a cost."""
    return metric.split(":")[0] in ("params", "flops", "latency_ms", "energy_mj", "seconds")
