"""`BinnedPrediction`: a belief given as masses of bins."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import ArrayLike

from archwright.estimate.extrapolate._bins import Bins
from archwright.estimate.extrapolate._prediction import Prediction


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class BinnedPrediction(Prediction):
    """A density over bins. It is that of an observation: `std` has the noise in it, up to that within a bin.

    Args:
        values: means of the bins.
        noise: standard deviations within the bins.
        weights: masses.
        bins: which.
    """

    bins: Bins = dataclasses.field(kw_only=True)

    @classmethod
    def over(cls, bins: Bins, masses: ArrayLike) -> BinnedPrediction:
        """From masses of shape (bins,) with sum 1."""
        means, deviations = bins.moments()
        return cls(means, deviations, np.asarray(masses, dtype=np.float64), bins=bins)

    def log_density(self, y: float) -> float:
        """Natural log of the density of the observation at `y`."""
        return float(self.bins.log_density(torch.from_numpy(self.weights).log(), torch.tensor(y, dtype=torch.float64)))

    def _below(self, y: float) -> float:
        return float(self.weights @ self.bins.below(y))
