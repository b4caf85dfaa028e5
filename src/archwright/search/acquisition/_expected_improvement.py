"""Expected improvement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.typing import NDArray

from archwright.search.acquisition._acquisition import Acquisition
from archwright.search.acquisition._log_improvement import log_improvement
from archwright.space import Arch

if TYPE_CHECKING:
    from archwright.search._surrogate import Surrogate


@final
class ExpectedImprovement(Acquisition):
    """Logarithm of E[max(best - f, 0)] (Mockus 1975; Jones, Schonlau and Welch 1998), which has the same order."""

    def __call__(self, surrogate: Surrogate, archs: Sequence[Arch], rng: np.random.Generator) -> NDArray[np.float64]:
        mean, deviation = surrogate.predict(archs)
        return np.asarray(log_improvement(torch.from_numpy(mean), torch.from_numpy(deviation), surrogate.best))

    def log_positive(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores
