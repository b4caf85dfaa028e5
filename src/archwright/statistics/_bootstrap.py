"""How sure a statistic of a sample is, by drawing the sample again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archwright.errors import UserError

_CELLS = 2**21  # resampled numbers held at a time


def bootstrap(
    statistic: Callable[..., ArrayLike],
    *samples: ArrayLike,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    rows: bool = False,
) -> tuple[float, float]:
    """Percentile interval of a statistic (Efron 1979): samples are drawn with replacement, the same ones of each array.

    A paired difference is a statistic, too: `lambda a, b, y: kendall(a, y) - kendall(b, y)`.

    Args:
        statistic: of as many (n,) arrays as there are samples.
        samples: (n,) each.
        resamples: draws.
        level: share of the draws inside.
        seed: of the draws.
        rows: whether `statistic` takes (m, n) arrays and answers with (m,), which saves a loop.

    Returns:
        Lower and upper end; draws without a value are left out, NaN where none has one.

    Raises:
        UserError: no samples, of different lengths, or a level outside (0, 1).
    """
    arrays = [np.asarray(sample, dtype=np.float64) for sample in samples]
    if not arrays or len({array.shape for array in arrays}) != 1 or arrays[0].ndim != 1 or not len(arrays[0]):
        raise UserError(f"bootstrap needs sequences of one length, got {[array.shape for array in arrays]}")
    if not 0 < level < 1:
        raise UserError(f"the level of an interval lies between 0 and 1, got {level!r}")
    drawn = [
        np.asarray(statistic(*(array[draws] for array in arrays)))
        if rows
        else np.array([statistic(*(array[draw] for array in arrays)) for draw in draws])
        for draws in _draws(len(arrays[0]), resamples, seed)
    ]
    values = np.concatenate(drawn)
    values = values[~np.isnan(values)]
    if not len(values):
        return math.nan, math.nan
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _draws(n: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // n)
    for start in range(0, resamples, block):
        yield rng.integers(n, size=(min(block, resamples - start), n))
