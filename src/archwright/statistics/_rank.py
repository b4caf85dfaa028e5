"""How alike two orders are."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archwright.errors import UserError


def kendall(a: ArrayLike, b: ArrayLike, *, variant: Literal["a", "b"] = "b") -> float:
    """Kendall's tau of two equally long sequences (Kendall 1938, 1945), in O(n log n).

    Args:
        a, b: (n,) each.
        variant: `"b"` leaves tied pairs out of the scale; in `"a"` a tied pair counts as half right.

    Returns:
        From -1 (reversed) to 1 (the same order); NaN where one side has no order at all, or holds a NaN.

    Raises:
        UserError: not two sequences of the same length.
    """
    from scipy.stats import kendalltau

    x, y = pair(a, b)
    if len(x) < 2 or np.isnan(x).any() or np.isnan(y).any():
        return math.nan
    tau = float(kendalltau(x, y).statistic)
    if variant == "b":
        return tau
    pairs = len(x) * (len(x) - 1) / 2
    return tau * math.sqrt((1 - _tied(x) / pairs) * (1 - _tied(y) / pairs))


def kendall_deviation(n: int) -> float:
    """Standard deviation of tau between two independent orders of `n` different values (Kendall 1938)."""
    return math.sqrt(2 * (2 * n + 5) / (9 * n * (n - 1)))


def pairwise_accuracy(a: ArrayLike, b: ArrayLike) -> float:
    """Share in [0, 1] of the pairs tied on neither side that both sequences order alike; without ties (tau + 1) / 2.

    NaN where no such pair is left. Not on the scale of tau: 0.8 here is a tau of 0.6.

    Raises:
        UserError: not two sequences of the same length.
    """
    x, y = pair(a, b)
    pairs = len(x) * (len(x) - 1) / 2
    decided = pairs - _tied(x) - _tied(y) + _tied(np.stack([x, y], 1))
    tau = kendall(x, y, variant="a")
    return (tau * pairs / decided + 1) / 2 if decided else math.nan


def spearman(a: ArrayLike, b: ArrayLike) -> float:
    """Spearman's rho: the correlation of mid-ranks (Spearman 1904), in [-1, 1].

    NaN where one side has no order at all, or holds a NaN.

    Raises:
        UserError: not two sequences of the same length.
    """
    x, y = pair(a, b)
    return float(spearman_rows(x[None], y[None])[0])


def spearman_rows(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """`spearman` of each row of (m, n) with the same row of (m, n): (m,)."""
    return _correlation(ranks(a), ranks(b))


def partial_spearman(a: ArrayLike, b: ArrayLike, control: ArrayLike) -> float:
    """Spearman's rho of `a` and `b` given `control`: the correlation of what is left of their ranks after a linear
    regression on the ranks of `control`, in [-1, 1].

    NaN where nothing is left, as when one sequence orders like the control.

    Raises:
        UserError: not sequences of the same length.
    """
    x, y = pair(a, b)
    x, z = pair(x, control)
    rank_x, rank_y, rank_z = (ranks(v[None])[0] for v in (x, y, z))
    left = [_residual(rank, rank_z)[None] for rank in (rank_x, rank_y)]
    return float(_correlation(left[0], left[1])[0])


def noise_ceiling(repeats: ArrayLike, statistic: Callable[[ArrayLike, ArrayLike], float] = kendall) -> float:
    """How alike independent trainings order the same architectures: what no estimator of one training can exceed.

    Args:
        repeats: (n, runs), a result for each architecture and seed; NaN where there was no run.
        statistic: of two sequences; taken over every pair of runs, then averaged.

    Returns:
        NaN where no two runs share two architectures.
    """
    runs = np.asarray(repeats, dtype=np.float64).T
    both = [(x, y, ~(np.isnan(x) | np.isnan(y))) for x, y in combinations(runs, 2)]
    found = [statistic(x[there], y[there]) for x, y, there in both if there.sum() > 1]
    return float(np.mean(found)) if found else math.nan


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mid-ranks from 1 along the last axis; a row with a NaN is all NaN."""
    from scipy.stats import rankdata

    found: NDArray[np.float64] = np.asarray(rankdata(values, axis=-1, nan_policy="propagate"), dtype=np.float64)
    return found


def pair(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as float64 (n,).

    Raises:
        UserError: not two sequences of the same length.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise UserError(f"two sequences of the same length are compared, got shapes {x.shape} and {y.shape}")
    return x, y


def _tied(values: NDArray[np.float64]) -> float:
    """Number of pairs of equal elements (or equal rows)."""
    counts = np.unique(values, axis=0, return_counts=True)[1]
    return float((counts * (counts - 1) / 2).sum())


def _residual(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a straight line in `x` leaves of `y`; exactly zero where it leaves nothing but rounding."""
    x, y = x - x.mean(), y - y.mean()
    scale = float(x @ x)
    left = y - x * (float(x @ y) / scale) if scale else y
    return left if float(left @ left) > 1e-18 * float(y @ y) else np.zeros_like(y)


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's correlation of each row; NaN where a side is constant."""
    a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    scale = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[np.float64] = np.where(scale > 0, (a * b).sum(-1) / scale, np.nan)
    return np.clip(found, -1.0, 1.0)
