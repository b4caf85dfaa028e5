"""Determinantal point processes of a fixed size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archwright.errors import UserError

Floats = NDArray[np.float64]


def sample_k_dpp(kernel: Floats, k: int, rng: np.random.Generator) -> list[int]:
    """An exact draw of `k` different items: P(S) = det(L_S) / e_k, e_k the elementary symmetric polynomial.

    Kulesza and Taskar (2011), "k-DPPs: Fixed-Size Determinantal Point Processes", algorithms 1 and 2.

    Args:
        kernel: L, (n, n) symmetric; eigenvalues below zero count as zero.
        k: from 1 to the rank of L.
        rng: all randomness.

    Returns:
        Positions of the items, in the order in which they were drawn.

    Raises:
        UserError: k out of range.
    """
    values, vectors = np.linalg.eigh((kernel + kernel.T) / 2)
    top = max(float(values.max(initial=0.0)), 0.0)
    values = np.where(values > 1e-12 * top, values, 0.0)
    rank = int((values > 0).sum())
    if not 1 <= k <= rank:
        raise UserError(f"a k-DPP draws from 1 to {rank} items (the rank of its kernel), got k={k}")
    span = vectors[:, _eigenvectors(values / top, k, rng)]
    chosen: list[int] = []
    while span.shape[1]:
        chances = np.square(span).sum(1)
        chances[chosen] = 0.0
        item = int(rng.choice(len(chances), p=chances / chances.sum()))
        chosen.append(item)
        span = _orthogonal(span, item)
    return chosen


def elementary_symmetric(values: Floats, k: int) -> Floats:
    """Table E of shape (k + 1, n + 1): E[l, m] is the sum of products of l of the first m values."""
    table = np.zeros((k + 1, len(values) + 1))
    table[0] = 1.0
    for m, value in enumerate(values, 1):
        table[1:, m] = table[1:, m - 1] + value * table[:-1, m - 1]
    return table


def _eigenvectors(values: Floats, k: int, rng: np.random.Generator) -> list[int]:
    """Which k eigenvectors span the draw."""
    table = elementary_symmetric(values, k)
    chosen: list[int] = []
    left = k
    for m in range(len(values), 0, -1):
        if not left:
            break
        if left == m or rng.random() < values[m - 1] * table[left - 1, m - 1] / table[left, m]:
            chosen.append(m - 1)
            left -= 1
    return chosen


def _orthogonal(span: Floats, item: int) -> Floats:
    """An orthonormal basis of the part of `span` (n, m) whose row `item` is zero, (n, m - 1)."""
    pivot = int(np.abs(span[item]).argmax())
    rest = np.delete(span - np.outer(span[:, pivot], span[item] / span[item, pivot]), pivot, axis=1)
    return np.linalg.qr(rest)[0] if rest.shape[1] else rest
