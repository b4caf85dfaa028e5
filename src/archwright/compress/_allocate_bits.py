"""Bits of every layer by integer programming."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from archwright.compress._allocate import Limit, allocate
from archwright.errors import UserError

FLOAT = 32
LEAST_LOSS = 1e-6  # so that the noise of a small calibration set is no gain (Hubara et al. 2021, code)


def allocate_bits(
    sizes: Sequence[float],
    losses: Mapping[int, Sequence[float]],
    base_bits: int,
    fraction: float,
) -> list[int]:
    """Bits that lose least within a size: min sum of losses, subject to one option a layer and sum of size x bits <=
    fraction x 32 x sum of sizes (Hubara et al. 2021, AdaQuant, equation 9), solved exactly by HiGHS.

    `allocate` takes any cost of any option, and several limits at once.

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
        [[0.0] * count if b == base_bits else [max(float(v), LEAST_LOSS) for v in losses[b]] for b in options]
    ).T
    share = np.asarray(sizes, dtype=np.float64)
    share /= share.sum()
    costs = share[:, None] * np.asarray(options, dtype=np.float64) / FLOAT
    chosen = allocate(table, [Limit("fraction", costs, fraction)])
    return [options[k] for k in chosen]


def _bits(bits: Any) -> int:
    if isinstance(bits, bool) or not isinstance(bits, Integral) or bits not in range(1, FLOAT + 1):
        raise UserError(f"bits must be integers from 1 to {FLOAT}, got {bits!r}")
    return int(bits)
