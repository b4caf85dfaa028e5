"""Whether a difference is larger than chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archwright.statistics._rank import pair


def signed_rank(a: ArrayLike, b: ArrayLike) -> float:
    """Two-sided p-value of the paired signed-rank test (Wilcoxon 1945): do `a` and `b` differ in location?

    Pairs without a difference are left out; 1 if none is left. Exact up to 50 different differences. Five pairs cannot
    give less than 0.0625.

    Args:
        a, b: (n,) each, paired: the same seeds.

    Raises:
        UserError: not two sequences of the same length.
    """
    from scipy.stats import wilcoxon

    x, y = pair(a, b)
    differences = x - y
    if not (differences != 0).any():
        return 1.0
    return float(wilcoxon(differences[differences != 0]).pvalue)


def holm(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """p-values corrected for how many they are (Holm 1979): those below 0.05 are wrong with 5 % chance in all.

    Args:
        values: (n,) p-values.

    Returns:
        (n,) in the same order, at most 1.
    """
    raw = np.asarray(values, dtype=np.float64)
    order = np.argsort(raw)
    scaled = np.minimum(1.0, np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1)))
    corrected = np.empty_like(raw)
    corrected[order] = scaled
    return corrected
