"""Bits of every layer by integer programming."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from archwright.errors import UserError

FLOAT = 32
_LARGEST = 1e9  # that HiGHS can tell from 1
_LEAST_LOSS = 1e-6  # so that the noise of a small calibration set is no gain (Hubara et al. 2021, code)


def allocate_bits(
    sizes: Sequence[float],
    losses: Mapping[int, Sequence[float]],
    base_bits: int,
    fraction: float,
) -> list[int]:
    """Bits that lose least within a size: min sum of losses, subject to one option a layer and sum of size x bits <=
    fraction x 32 x sum of sizes (Hubara et al. 2021, AdaQuant, equation 9), solved exactly by HiGHS.

    For a limit on bit operations pass multiply-adds times weight bits as `sizes`, or use `allocate`, which takes any
    cost of any option.

    Args:
        sizes: parameters of every layer, positive.
        losses: bits to the rise of the loss of every layer when it alone has them; below 1e-6 counts as 1e-6, infinity
            rules them out. The base loses nothing.
        base_bits: what a layer has that nothing is said about.
        fraction: of the float32 size, in (0, 1].

    Returns:
        Bits, one for each layer.

    Raises:
        UserError: lists of different lengths, NaN, bits that are no integers from 1 to 32, a fraction out of range, or
            one that no choice reaches; the message names the smallest reachable. It is a ValueError.
    """
    if not 0 < fraction <= 1:
        raise UserError(f"fraction must be in (0, 1] of the float32 size, got {fraction}")
    count = len(sizes)
    for bits, values in losses.items():
        if len(values) != count:
            raise UserError(f"losses of {bits} bits are for {len(values)} layers, sizes for {count}")
        if np.isnan(np.asarray(values, dtype=np.float64)).any():
            raise UserError(f"losses of {bits} bits hold NaN")
    if count == 0 or not all(0 < size < np.inf for size in sizes):
        raise UserError("sizes must be positive, one for each layer")
    options = sorted({_bits(b) for b in (base_bits, *losses)}, reverse=True)
    table = np.array(
        [[0.0] * count if b == base_bits else [max(float(v), _LEAST_LOSS) for v in losses[b]] for b in options]
    ).T
    share = np.asarray(sizes, dtype=np.float64)
    share /= share.sum()
    costs = share[:, None] * np.asarray(options, dtype=np.float64) / FLOAT
    chosen = allocate(table, costs, fraction, what="fraction")
    return [options[k] for k in chosen]


def _bits(bits: Any) -> int:
    if isinstance(bits, bool) or not isinstance(bits, Integral) or bits not in range(1, FLOAT + 1):
        raise UserError(f"bits must be integers from 1 to {FLOAT}, got {bits!r}")
    return int(bits)


def allocate(losses: np.ndarray, costs: np.ndarray, limit: float, *, what: str = "limit") -> list[int]:
    """One option for each row with the least total loss at a total cost of at most `limit`: the multiple-choice
    knapsack, exactly.

    Args:
        losses: (rows, options), not negative; infinity: not allowed.
        costs: (rows, options), not negative.
        limit: on the sum of the costs.
        what: name of the limit in messages.

    Raises:
        UserError: no choice keeps the limit; the message names the least reachable.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    rows, options = losses.shape
    allowed = np.isfinite(losses)
    least = float(np.where(allowed, costs, np.inf).min(axis=1).sum())
    slack = 1e-9 * max(1.0, abs(limit))
    if least > limit + slack:
        raise UserError(f"{what} {limit:g} cannot be reached: the smallest reachable is {least:.6g}")
    one = np.kron(np.eye(rows), np.ones(options))
    found = milp(
        _scaled(np.where(allowed, losses, 0.0)).ravel(),
        constraints=[LinearConstraint(one, 1, 1), LinearConstraint(costs.ravel()[None], -np.inf, limit + slack)],
        integrality=np.ones(rows * options),
        bounds=Bounds(0, allowed.ravel().astype(float)),
        options={"mip_rel_gap": 0.0},
    )
    if found.x is None:
        raise UserError(f"{what} {limit:g} cannot be reached: {found.message}")
    return [int(k) for k in found.x.reshape(rows, options).argmax(axis=1)]


def _scaled(losses: np.ndarray) -> np.ndarray:
    """In a unit of which HiGHS's absolute gap of 1e-6 is nothing."""
    positive = losses[losses > 0]
    return losses if not len(positive) else losses * min(1 / positive.min(), _LARGEST / positive.max())
