"""How well a sum of table entries tells the time of a whole network."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """`measured = a + b * sum`, by least squares, and how good it is on the networks it was fitted to.

    Args:
        a: offset in milliseconds.
        b: slope.
        r2: share of the variance explained; 0 with fewer than three networks.
        tau: Kendall's rank correlation of sum and measurement (tau-b).
        error: median relative error of the prediction.
        networks: number of networks.
    """

    a: float
    b: float
    r2: float
    tau: float
    error: float
    networks: int

    def __call__(self, total: float) -> float:
        """Predicted milliseconds of a network whose entries sum to `total`."""
        return self.a + self.b * total


def fit(totals: Sequence[float], measured: Sequence[float]) -> Fit:
    """Fit measured milliseconds to sums of entries.

    With fewer than three networks, or where the slope would not be positive, only a slope through the origin is fitted;
    where all sums are zero, too little to be seen in the timer, only an offset.
    """
    x, y = np.asarray(totals, dtype=float), np.asarray(measured, dtype=float)
    if len(x) == 0:
        return Fit(a=0.0, b=1.0, r2=0.0, tau=0.0, error=0.0, networks=0)
    centred = x - x.mean()
    b = float(centred @ y / (centred @ centred)) if len(x) > 2 and centred.any() else 0.0
    a = float(y.mean() - b * x.mean())
    if b <= 0:
        seen = x > 0
        a, b = (0.0, float(np.median(y[seen] / x[seen]))) if seen.any() else (float(np.median(y)), 1.0)
    predicted = a + b * x
    spread = float(((y - y.mean()) ** 2).sum())
    return Fit(
        a=a,
        b=b,
        r2=1 - float(((y - predicted) ** 2).sum()) / spread if len(x) > 2 and spread else 0.0,
        tau=kendall(x, y),
        error=float(np.median(np.abs(predicted - y) / y)),
        networks=len(x),
    )


def kendall(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> float:
    """Kendall's tau-b; 0 where one side has no order at all."""
    a, b = (np.sign(np.subtract.outer(v, v)) for v in (np.asarray(x, dtype=float), np.asarray(y, dtype=float)))
    scale = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / scale) if scale else 0.0
