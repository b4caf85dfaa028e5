"""Batches by local penalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np
import scipy.special
from numpy.typing import NDArray

from archwright.search.acquisition import Acquisition
from archwright.search.batches._batch import Batch
from archwright.space import Arch

if TYPE_CHECKING:
    from archwright.search._surrogate import Surrogate


@final
class LocalPenalty(Batch):
    """The acquisition is multiplied by the chance that an architecture lies outside the ball around each pending one
    in which the minimum cannot be.

    Gonzalez, Dai, Hennig and Lawrence (2016), "Batch Bayesian Optimization via Local Penalization", equation 5:
    phi_j(x) = erfc(-z) / 2 with z = (L d(x, x_j) - mean(x_j) + best) / (sqrt 2 deviation(x_j)) for a loss. On spaces
    without gradients the distance is the kernel's own, d = sqrt(k(x, x) - 2 k(x, y) + k(y, y)), and the Lipschitz
    constant L is the largest slope of the mean from the pending to the given architectures.
    """

    def surrogate(self, surrogate: Surrogate, pending: Sequence[Arch]) -> Surrogate:
        return surrogate

    def scores(
        self,
        acquisition: Acquisition,
        surrogate: Surrogate,
        archs: Sequence[Arch],
        pending: Sequence[Arch],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        scores = acquisition(surrogate, archs, rng)
        if not pending:
            return scores
        mean, _ = surrogate.predict(archs)
        centre, deviation = surrogate.predict(pending)
        apart = surrogate.distances(archs, pending)
        slopes = np.abs(mean[:, None] - centre) / np.maximum(apart, 1e-9)
        lipschitz = float(np.where(apart > 1e-6, slopes, 0.0).max(initial=1e-6))
        z = (lipschitz * apart - centre + surrogate.best) / (np.sqrt(2) * deviation)
        penalty = scipy.special.log_ndtr(np.sqrt(2) * z).sum(axis=1)
        return acquisition.log_positive(scores) + penalty
