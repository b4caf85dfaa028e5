"""How sure a share is, and how alike two orders are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_Z = 1.959963984540054  # two-sided 95 %


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % score interval of a share in [0, 1] observed on `n` samples (Wilson 1927); (0, 1) without any."""
    if n < 1 or math.isnan(share):
        return 0.0, 1.0
    z2 = _Z * _Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def kendall(a: Sequence[float], b: Sequence[float]) -> float:
    """Kendall's tau-b of two equally long sequences (Kendall 1945); NaN where one side has no order at all."""
    x, y = (np.sign(np.subtract.outer(v, v)) for v in (np.asarray(a, dtype=float), np.asarray(b, dtype=float)))
    scale = math.sqrt(float((x * x).sum()) * float((y * y).sum()))
    return float((x * y).sum()) / scale if scale else math.nan
