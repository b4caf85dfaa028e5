"""`Density`: a product kernel density over numbers and categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Array = NDArray[np.float64]
_NORMAL = 1.06  # of the normal reference rule, h = 1.06 sd n^(-1 / (4 + d))


@final
class Density:
    """Mean over the data of a product of kernels: Gaussian for numbers, Aitchison and Aitken (1976) for categories.

    The kernel of c categories is 1 - h for the same one and h / (c - 1) for the others, so that densities sum to 1 also
    over categories that never occurred. Bandwidths follow the normal reference rule. The spread of categories is
    sqrt((1 - sum p^2) / 2), with p their shares, which for two of them is the standard deviation of 0 and 1 and for
    more does not depend on how they are numbered; h is at most 1 - 1 / c, where the kernel is flat.

    Args:
        data: numbers in [0, 1], or positions of categories, (n, d).
        categories: of each column; 0 for numbers, (d,).
        least: smallest bandwidth.
    """

    def __init__(self, data: Array, categories: Sequence[int], *, least: float = 1e-3) -> None:
        self.data = np.asarray(data, dtype=np.float64)
        self.categories = tuple(categories)
        n, d = self.data.shape
        scale = _NORMAL * n ** (-1 / (4 + d))
        rules = zip(self.data.T, self.categories, strict=True)
        self.bandwidths = np.array([_bounded(scale * _spread(column, c), c, least) for column, c in rules])

    def __call__(self, points: Array) -> Array:
        """Density at points of shape (m, d), (m,)."""
        product = np.ones((len(points), len(self.data)))
        for column, (c, h) in enumerate(zip(self.categories, self.bandwidths, strict=True)):
            apart = points[:, column, None] - self.data[None, :, column]
            if c:
                product *= np.where(apart == 0, 1 - h, h / max(c - 1, 1))
            else:
                product *= np.exp(-0.5 * (apart / h) ** 2) / (h * np.sqrt(2 * np.pi))
        return product.mean(axis=1)

    def draw(self, samples: int, rng: np.random.Generator, *, widen: float = 1.0) -> Array:
        """Points near random data, (samples, d).

        Numbers: normal, cut to [0, 1], standard deviation `widen` times the bandwidth. Categories: with probability
        1 - h that of the datum, else any, as in the code of BOHB.
        """
        points = self.data[rng.integers(len(self.data), size=samples)]
        for column, (c, h) in enumerate(zip(self.categories, self.bandwidths, strict=True)):
            here = points[:, column]
            if c:
                kept = rng.random(samples) < 1 - h
                points[:, column] = np.where(kept, here, rng.integers(c, size=samples))
            else:
                width = widen * h
                low, high = ndtr(-here / width), ndtr((1 - here) / width)
                moved = here + width * ndtri(low + rng.random(samples) * (high - low))
                points[:, column] = np.clip(moved, 0.0, 1.0)
        return points


def _spread(column: Array, categories: int) -> float:
    if not categories:
        return float(column.std())
    shares = np.bincount(column.astype(np.intp), minlength=categories) / len(column)
    return float(np.sqrt(max(0.0, 1 - (shares**2).sum()) / 2))


def _bounded(bandwidth: float, categories: int, least: float) -> float:
    widest = 1 - 1 / categories if categories else np.inf
    return float(min(max(bandwidth, least), widest))
