"""Random search without running it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archwright.errors import UserError
from archwright.statistics._rank import pair


def expected_maximum(values: ArrayLike, n: int, *, report: ArrayLike | None = None) -> float:
    """Expected best of `n` different values drawn at random: random search on a table, exactly.

    The i-th smallest of N values is the best of the draw with probability C(i-1, n-1) / C(N, n).

    Args:
        values: (N,), what selects, larger is better; for instance validation accuracy.
        n: draws without replacement, 1 to N.
        report: (N,), what is reported of the selected one, for instance test accuracy; None: `values`. Of equal values
            each is selected equally often.

    Raises:
        UserError: n out of range, different lengths, or a NaN.
    """
    selecting, reported = _checked(values, report, n)
    return float(_weights(len(selecting), n) @ _by_rank(selecting, reported))


def expected_maxima(values: ArrayLike, n: int, *, report: ArrayLike | None = None) -> NDArray[np.float64]:
    """`expected_maximum` of 1, 2, ... `n` draws, (n,): the whole curve of random search.

    Arguments and errors are those of `expected_maximum`.
    """
    selecting, reported = _checked(values, report, n)
    ordered = _by_rank(selecting, reported)
    return np.array([float(_weights(len(selecting), draws) @ ordered) for draws in range(1, n + 1)])


def _checked(values: ArrayLike, report: ArrayLike | None, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    selecting, reported = pair(values, values if report is None else report)
    if np.isnan(selecting).any() or np.isnan(reported).any():
        raise UserError("the expected maximum of values with NaN is not defined; leave them out")
    if not 1 <= n <= len(selecting):
        raise UserError(f"n must be from 1 to {len(selecting)}, got {n!r}")
    return selecting, reported


def _by_rank(selecting: NDArray[np.float64], reported: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is reported in the order of what selects, each of equals with their mean."""
    order = np.argsort(selecting, kind="stable")
    _, group = np.unique(selecting[order], return_inverse=True)
    mean = np.bincount(group, reported[order]) / np.bincount(group)
    ordered: NDArray[np.float64] = mean[group]
    return ordered


def _weights(size: int, n: int) -> NDArray[np.float64]:
    """(size,) chance of each, in increasing order, to be the best: w_N = n / N and w_(i-1) = w_i (i - n) / (i - 1)."""
    i = np.arange(size, 1, -1)
    factors = np.concatenate([[n / size], np.maximum(0, i - n) / (i - 1)])
    weights: NDArray[np.float64] = np.cumprod(factors)[::-1]
    return weights
