"""How sure a share is."""

from __future__ import annotations

import math

_Z = 1.959963984540054  # two-sided 95 %


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % score interval of a share in [0, 1] observed on `n` samples (Wilson 1927); (0, 1) without any."""
    if n < 1 or math.isnan(share):
        return 0.0, 1.0
    z2 = _Z * _Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)
