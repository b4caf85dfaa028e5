"""A Gaussian process on architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from archwright.search._gaussian_process import GaussianProcess
from archwright.search.kernels import ArchKernel
from archwright.space import Arch

Floats = NDArray[np.float64]


@final
class Surrogate:
    """What acquisitions see: predictions of the (transformed) loss of architectures; smaller is better.

    Args:
        kernel: makes the rows.
        process: fitted on rows of the observed architectures.
        best: smallest observed loss, transformed.
    """

    def __init__(self, kernel: ArchKernel, process: GaussianProcess, best: float) -> None:
        self.kernel = kernel
        self.process = process
        self.best = best

    def predict(self, archs: Sequence[Arch]) -> tuple[Floats, Floats]:
        """Mean (n,) and standard deviation (n,)."""
        mean, deviation = self.process.predict(self.kernel.features(archs))
        return mean.numpy(), deviation.numpy()

    def covariance(self, archs: Sequence[Arch]) -> tuple[Floats, Floats]:
        """Mean (n,) and covariance (n, n)."""
        mean, covariance = self.process.covariance(self.kernel.features(archs))
        return mean.numpy(), covariance.numpy()

    def sample(self, archs: Sequence[Arch], rng: np.random.Generator) -> Floats:
        """(n,) one joint draw; rounding below zero in the spectrum is cut off."""
        mean, covariance = self.covariance(archs)
        values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
        return mean + vectors @ (np.sqrt(values.clip(min=0)) * rng.standard_normal(len(mean)))

    def distances(self, first: Sequence[Arch], second: Sequence[Arch]) -> Floats:
        """(n, m) distances in the space of the kernel: sqrt(k(x, x) - 2 k(x, y) + k(y, y))."""
        kernel, x, y = self.process.kernel, self.kernel.features(first), self.kernel.features(second)
        with torch.no_grad():
            squares = kernel(x, diag=True)[:, None] - 2 * kernel(x, y).to_dense() + kernel(y, diag=True)
        return squares.clamp_min(0.0).sqrt().numpy()

    def hallucinated(self, archs: Sequence[Arch]) -> Surrogate:
        """As if each of `archs` had been observed at its mean: the mean stays, the variance shrinks.

        Desautels, Krause and Burdick (2014), "Parallelizing Exploration-Exploitation Tradeoffs in Gaussian Process
        Bandit Optimization".
        """
        if not archs:
            return self
        rows = self.kernel.features(archs)
        mean, _ = self.process.predict(rows)
        process = self.process.given(torch.cat([self.process.x, rows]), torch.cat([self.process.y, mean]))
        return Surrogate(self.kernel, process, self.best)
