"""Exact partial transport, many problems at a time."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ROUNDING = 1e-12  # part of a problem's mass that counts as nothing


def partial_transport(cost: Array, supply: Array, demand: Array, limit: float) -> Array:
    """The least sum of f_ij (cost_ij - limit) over flows f >= 0 with row sums <= supply and column sums <= demand.

    By successive shortest paths with potentials (Ahuja, Magnanti and Orlin 1993, "Network Flows", section 9.7), all
    problems in step: a path is added to each as long as it costs less than `limit`. Exact up to rounding.

    Args:
        cost: (p, n, m), not negative, infinite where nothing may flow.
        supply: (p, n), not negative; pad with 0.
        demand: (p, m), not negative; pad with 0.
        limit: what a unit that stays behind costs, not negative.

    Returns:
        Shape (p,), not positive.
    """
    if cost.shape[1] == 1:
        return _from_one(cost[:, 0], supply[:, 0], demand, limit)
    if cost.shape[2] == 1:
        return _from_one(cost[:, :, 0], demand[:, 0], supply, limit)
    value = np.zeros(len(cost))
    left = np.arange(len(cost))
    problems = _Problems(cost, supply, demand)
    while len(left):
        reached = problems.step(limit)
        if not reached.all():
            value[left] = problems.value(limit)
            left = left[reached]
            problems.keep(reached)
    return value


def _from_one(cost: Array, supply: Array, demand: Array, limit: float) -> Array:
    """With a single supply (p,), demands (p, m) are met from the cheapest on."""
    order = cost.argsort(1)
    cost, demand = np.take_along_axis(cost, order, 1), np.take_along_axis(demand, order, 1)
    before = demand.cumsum(1) - demand
    flow = np.minimum(np.maximum(supply[:, None] - before, 0.0), demand)
    return (flow * np.minimum(cost - limit, 0.0)).sum(1)


@final
class _Problems:
    """Flows found so far, with the potentials that make every path of positive flow a shortest one."""

    def __init__(self, cost: Array, supply: Array, demand: Array) -> None:
        self.cost = np.asarray(cost, dtype=np.float64)
        self.supply, self.demand = np.array(supply, dtype=np.float64), np.array(demand, dtype=np.float64)
        self.nothing = _ROUNDING * (self.supply.sum(1) + self.demand.sum(1))
        self.flow = np.zeros_like(self.cost)
        self.rows, self.columns = np.zeros_like(self.supply), np.zeros_like(self.demand)

    def keep(self, which: NDArray[np.bool_]) -> None:
        for name in ("cost", "supply", "demand", "nothing", "flow", "rows", "columns"):
            setattr(self, name, getattr(self, name)[which])

    def value(self, limit: float) -> Array:
        return (self.flow * np.where(self.flow > 0, self.cost - limit, 0.0)).sum((1, 2))

    def step(self, limit: float) -> NDArray[np.bool_]:
        """One path more for each problem that has one; which ones had."""
        row, column, from_row, from_column = self._distances()
        open_ = self.demand > self.nothing[:, None]
        ends = np.where(open_, column, np.inf)
        end = ends.argmin(1)
        p = np.arange(len(end))
        nearest = ends[p, end]
        # a row with supply left has been at distance 0 in every step: its potential is the cost of the path before
        first = np.where(self.supply > self.nothing[:, None], self.rows, 0.0).max(1, initial=0.0)
        reached = first + nearest < limit
        cut = np.where(reached, nearest, 0.0)[:, None]
        self.rows += np.maximum(cut - row, 0.0)
        self.columns -= np.maximum(cut - column, 0.0)
        self._augment(p[reached], end[reached], from_row, from_column)
        return reached

    def _distances(self) -> tuple[Array, Array, NDArray[np.int64], NDArray[np.int64]]:
        """Lengths of the shortest ways from rows with supply left, and the vertex before: of columns the row, of rows
        the column, or -1 where the way starts (Bellman and Ford)."""
        reduced = np.maximum(self.cost - self.rows[:, :, None] - self.columns[:, None, :], 0.0)
        back = np.where(self.flow > self.nothing[:, None, None], 0.0, np.inf)
        row = np.where(self.supply > self.nothing[:, None], 0.0, np.inf)
        column = np.full_like(self.demand, np.inf)
        from_row = np.full(column.shape, -1)
        from_column = np.full(row.shape, -1)
        while True:
            _improve(column, from_row, row[:, :, None] + reduced, axis=1)
            if not _improve(row, from_column, column[:, None, :] + back, axis=2):
                return row, column, from_row, from_column

    def _augment(
        self,
        p: NDArray[np.int64],
        end: NDArray[np.int64],
        from_row: NDArray[np.int64],
        from_column: NDArray[np.int64],
    ) -> None:
        """As much flow as fits along the way to `end` in the problems `p`."""
        amount = self.demand[p, end]
        ways = []  # (problem, row, column, column before or -1), from the end to the start
        at, column, who = p, end, np.arange(len(p))
        while len(at):
            row = from_row[at, column]
            before = from_column[at, row]
            ways.append((at, row, column, before, who))
            starts = before < 0
            room = np.where(starts, self.supply[at, row], self.flow[at, row, before])
            amount[who] = np.minimum(amount[who], room)
            at, column, who = at[~starts], before[~starts], who[~starts]
        self.demand[p, end] -= amount
        for at, row, column, before, who in ways:
            self.flow[at, row, column] += amount[who]
            on = before >= 0
            self.flow[at[on], row[on], before[on]] -= amount[who[on]]
            self.supply[at[~on], row[~on]] -= amount[who[~on]]


def _improve(best: Array, source: NDArray[np.int64], offered: Array, axis: int) -> bool:
    """Take the least offer where it is less than the best so far; whether there was one."""
    which = offered.argmin(axis)
    least = np.take_along_axis(offered, np.expand_dims(which, axis), axis).squeeze(axis)
    better = least < best
    best[better] = least[better]
    source[better] = which[better]
    return bool(better.any())
