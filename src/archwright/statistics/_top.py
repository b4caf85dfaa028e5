"""How good the top of a ranking is.

A larger score or truth is better everywhere. The top k of a sequence are its k largest values; of equal values the one
with the smaller index comes first, on both sides. So architectures stored in the order of their accuracy are to be
shuffled before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archwright.errors import UserError
from archwright.statistics._rank import pair


def precision_at(k: float, scores: ArrayLike, truth: ArrayLike) -> float:
    """Share in [0, 1] of the predicted top k that belong to the true top k.

    Args:
        k: a number of architectures, or a share below 1 of them.
        scores, truth: (n,) each.

    Raises:
        UserError: k out of range, not two sequences of the same length, or a NaN in them.
    """
    predicted, true, k = _tops(k, scores, truth)
    return len(np.intersect1d(predicted, true)) / k


def best_rank_at(k: float, scores: ArrayLike, truth: ArrayLike) -> float:
    """True rank of the best among the predicted top k, divided by n: 1 / n at best (BR@k of Ning et al. 2021).

    Arguments and errors are those of `precision_at`.
    """
    return float(_true_ranks(k, scores, truth).min())


def worst_rank_at(k: float, scores: ArrayLike, truth: ArrayLike) -> float:
    """True rank of the worst among the predicted top k, divided by n: k / n at best (WR@k of Ning et al. 2021).

    Arguments and errors are those of `precision_at`.
    """
    return float(_true_ranks(k, scores, truth).max())


def regret_at(k: float, scores: ArrayLike, truth: ArrayLike) -> float:
    """How much is lost by training only the predicted top k: the best truth of all minus the best among them.

    In units of `truth`. Arguments and errors are those of `precision_at`.
    """
    predicted, _, _ = _tops(k, scores, truth)
    values = np.asarray(truth, dtype=np.float64)
    return float(values.max() - values[predicted].max())


def top(k: float, values: ArrayLike) -> NDArray[np.intp]:
    """Positions of the k largest of `values`, best first.

    Args:
        k: a number, or a share below 1 of them (rounded, at least one).
        values: (n,).

    Raises:
        UserError: k out of range, or a NaN.
    """
    found = np.asarray(values, dtype=np.float64)
    if np.isnan(found).any():
        raise UserError("the top of a ranking with NaN in it is not defined; leave those architectures out")
    return np.argsort(-found, kind="stable")[: _count(k, len(found))]


def _count(k: float, n: int) -> int:
    count = max(1, round(k * n)) if 0 < k < 1 else int(k)
    if not 1 <= count <= n or (k >= 1 and count != k):
        raise UserError(f"k must be a whole number from 1 to {n}, or a share between 0 and 1, got {k!r}")
    return count


def _tops(k: float, scores: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    predicted, true = (top(k, values) for values in pair(scores, truth))
    return predicted, true, len(predicted)


def _true_ranks(k: float, scores: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    """Of the predicted top k, from 1 / n; equal truths share the better rank."""
    predicted, _, _ = _tops(k, scores, truth)
    values = np.asarray(truth, dtype=np.float64)
    better = len(values) - np.searchsorted(np.sort(values), values[predicted], side="right")
    return (better + 1) / len(values)
