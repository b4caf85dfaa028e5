"""Budgets and how many candidates get each of them."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Literal

from archwright.errors import UserError

Rounding = Literal["floor", "ceil"]
_SLACK = 1e-9  # log(243) / log(3) is 4.999...


def ladder(least: float, most: float, eta: float) -> tuple[float, ...]:
    """Budgets `most * eta^(i - K)`, i = 0 ... K, K = floor(log_eta(most / least)): the smallest is at least `least`.

    Raises:
        UserError: `eta` not above 1, or not 0 < `least` <= `most` < infinity.
    """
    if not eta > 1 or not math.isfinite(eta):
        raise UserError(f"eta must be a number above 1, got {eta}")
    if not 0 < least <= most or not math.isfinite(most):
        raise UserError(f"budgets must be finite, with 0 < min_budget <= max_budget, got {least} and {most}")
    highest = math.floor(math.log(most / least) / math.log(eta) + _SLACK)
    return tuple(_exact(most / eta**rung) for rung in range(highest, -1, -1))


def given(budgets: Sequence[float]) -> tuple[float, ...]:
    """A ladder written out.

    Raises:
        UserError: no budgets, or not positive, finite and increasing.
    """
    rungs = tuple(float(b) for b in budgets)
    increasing = all(a < b for a, b in itertools.pairwise(rungs))
    if not rungs or rungs[0] <= 0 or not math.isfinite(rungs[-1]) or not increasing:
        raise UserError(f"budgets must be positive, finite and increasing, got {list(budgets)}")
    return rungs


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """One bracket of successive halving.

    Args:
        budgets: of its stages, increasing, (stages,).
        sizes: candidates that a stage is meant to have, (stages,).
    """

    budgets: tuple[float, ...]
    sizes: tuple[int, ...]


def bracket(rungs: Sequence[float], candidates: int, eta: float) -> Plan:
    """`candidates` at the first of `rungs`; stage i keeps max(floor(candidates * eta^-i), 1) of them."""
    sizes = tuple(max(1, math.floor(candidates / eta**stage + _SLACK)) for stage in range(len(rungs)))
    return Plan(tuple(rungs), sizes)


def hyperband_bracket(rungs: Sequence[float], s: int, eta: float, rounding: Rounding = "floor") -> Plan:
    """Bracket s of Hyperband, which ends after s promotions (Li, Jamieson et al. 2018, algorithm 1).

    Args:
        rungs: all K + 1 budgets.
        s: 0 ... K; it begins at budget K - s.
        eta: reduction factor.
        rounding: `"floor"`: floor((K+1) / (s+1)) eta^s candidates, as in the published table; `"ceil"`:
            ceil((K+1) / (s+1) eta^s), as in the published algorithm.
    """
    shares = len(rungs) / (s + 1)
    if rounding == "floor":
        candidates = math.floor(math.floor(shares) * eta**s + _SLACK)
    else:
        candidates = math.ceil(shares * eta**s - _SLACK)
    return bracket(rungs[len(rungs) - 1 - s :], max(1, candidates), eta)


def _exact(budget: float) -> float:
    """Without the last digits of a division: 81 / 27 is 3."""
    whole = round(budget)
    return float(whole) if whole and abs(budget - whole) < _SLACK * whole else budget
