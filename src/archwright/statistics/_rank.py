"""How alike two orders are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def kendall(a: Sequence[float], b: Sequence[float]) -> float:
    """Kendall's tau-b of two equally long sequences (Kendall 1945); NaN where one side has no order at all."""
    x, y = (np.sign(np.subtract.outer(v, v)) for v in (np.asarray(a, dtype=float), np.asarray(b, dtype=float)))
    scale = math.sqrt(float((x * x).sum()) * float((y * y).sum()))
    return float((x * y).sum()) / scale if scale else math.nan
