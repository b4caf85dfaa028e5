"""How sure a share or a mean is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from archwright.errors import UserError

_Z = 1.959963984540054  # two-sided 95 %


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % score interval of a share in [0, 1] observed on `n` samples (Wilson 1927); (0, 1) without any."""
    if n < 1 or math.isnan(share):
        return 0.0, 1.0
    z2 = _Z * _Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def t_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Interval of the mean of independent runs by Student's t (Student 1908); NaN for less than two.

    Args:
        values: (n,), one a run.
        level: share of such intervals that cover the true mean, where runs are normally distributed.

    Raises:
        UserError: not one sequence, or a level outside (0, 1).
    """
    runs = np.asarray(values, dtype=np.float64)
    if runs.ndim != 1 or not 0 < level < 1:
        raise UserError(f"t_interval takes one sequence and a level in (0, 1), got {runs.shape} and {level!r}")
    if len(runs) < 2:
        return math.nan, math.nan
    from scipy.special import stdtrit

    half = float(stdtrit(len(runs) - 1, (1 + level) / 2)) * float(runs.std(ddof=1)) / math.sqrt(len(runs))
    return float(runs.mean()) - half, float(runs.mean()) + half
