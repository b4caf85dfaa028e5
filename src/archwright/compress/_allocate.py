"""One option for every row within limits: the multiple-choice knapsack."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import final

import numpy as np

from archwright.errors import UserError

_LARGEST = 1e9  # that HiGHS can tell from 1


@final
@dataclasses.dataclass(frozen=True)
class Limit:
    """At most so much for the sum of what the chosen options cost.

    Args:
        what: name in messages.
        costs: (rows, options), not negative; infinity: the option is not there.
        most: of the sum.
    """

    what: str
    costs: np.ndarray
    most: float

    @property
    def slack(self) -> float:
        """What rounding may add."""
        return 1e-9 * max(1.0, abs(self.most))

    def check(self, allowed: np.ndarray) -> None:
        """Raises UserError naming the least reachable if no choice among the (rows, options) `allowed` keeps it."""
        least = float(np.where(allowed, self.costs, np.inf).min(axis=1).sum())
        if not least <= self.most + self.slack:
            raise UserError(f"{self.what} {self.most:g} cannot be reached: the smallest reachable is {least:.6g}")


def allocate(losses: np.ndarray, limits: Sequence[Limit]) -> list[int]:
    """One option for each row with the least total loss within all limits, exactly (HiGHS).

    Args:
        losses: (rows, options), not negative; infinity: not allowed.
        limits: on the sums of costs.

    Returns:
        The option of every row.

    Raises:
        UserError: no choice keeps a limit; the message names the least reachable, of the last limit within the others
            if only all of them together cannot be kept.
    """
    allowed = np.isfinite(losses) & np.logical_and.reduce([np.isfinite(limit.costs) for limit in limits])
    for limit in limits:
        limit.check(allowed)
    found = _solved(losses, limits, allowed)
    if found is None:
        *others, last = limits
        cheapest = _solved(last.costs, others, allowed)
        together = " and ".join(f"{limit.what} {limit.most:g}" for limit in others)
        if cheapest is None:
            raise UserError(f"{together} and {last.what} {last.most:g} cannot be reached together")
        least = float(last.costs[range(len(cheapest)), cheapest].sum())
        raise UserError(f"{last.what} {last.most:g} cannot be reached: with {together} the smallest is {least:.6g}")
    return found


def _solved(losses: np.ndarray, limits: Sequence[Limit], allowed: np.ndarray) -> list[int] | None:
    """The choice of least loss, or None."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    rows, options = losses.shape
    one = np.kron(np.eye(rows), np.ones(options))
    costs = [np.where(allowed, limit.costs, 0.0).ravel()[None] for limit in limits]
    found = milp(
        _scaled(np.where(allowed, losses, 0.0)).ravel(),
        constraints=[
            LinearConstraint(one, 1, 1),
            *(LinearConstraint(c, -np.inf, limit.most + limit.slack) for c, limit in zip(costs, limits, strict=True)),
        ],
        integrality=np.ones(rows * options),
        bounds=Bounds(0, allowed.ravel().astype(float)),
        options={"mip_rel_gap": 0.0},
    )
    return None if found.x is None else [int(k) for k in found.x.reshape(rows, options).argmax(axis=1)]


def _scaled(losses: np.ndarray) -> np.ndarray:
    """In a unit of which HiGHS's absolute gap of 1e-6 is nothing."""
    positive = losses[losses > 0]
    return losses if not len(positive) else losses * min(1 / positive.min(), _LARGEST / positive.max())
