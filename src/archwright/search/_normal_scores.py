"""Trials as numbers that a model can learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def normal_scores(losses: Sequence[tuple[float, ...]]) -> NDArray[np.float64]:
    """Quantiles of the standard normal distribution by rank: higher is better, equal ones share their mean rank.

    Keeps the order alone, so that neither the unit, nor outliers, nor infinite losses of failed trials matter; broken
    limits sort below what is feasible. Blom's (1958) positions (rank - 3/8) / (n + 1/4).

    Args:
        losses: values of `fitness`, compared entry by entry, lower is better.

    Returns:
        Shape (len(losses),).
    """
    from scipy.special import ndtri

    order = sorted(range(len(losses)), key=losses.__getitem__)
    ranks = np.empty(len(losses))
    first = 0
    while first < len(order):
        end = first + 1
        while end < len(order) and losses[order[end]] == losses[order[first]]:
            end += 1
        ranks[order[first:end]] = (first + end + 1) / 2
        first = end
    scores: NDArray[np.float64] = -ndtri((ranks - 0.375) / (len(losses) + 0.25))
    return scores
