"""Batches from a quality k-DPP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np

from archwright.errors import UserError
from archwright.search.batches._batch import Batch
from archwright.search.batches._k_dpp import sample_k_dpp
from archwright.space import Arch

if TYPE_CHECKING:
    from archwright.search._surrogate import Surrogate


@final
class QualityKDPP(Batch):
    """A diverse draw from the candidates: L = diag(q) Sigma diag(q), q = exp(-quality x mean).

    Nguyen, Le, Yamada and Osborne (2021), "Optimal Transport Kernels for Sequential and Parallel Neural Architecture
    Search", section 4; Sigma is the joint posterior covariance, means are of the (transformed) loss. The products are
    those of matrices: the released code multiplies element by element, which leaves no diversity. A single proposal is
    chosen by the acquisition.

    Args:
        quality: how much the mean weighs; the paper has 1.

    Raises:
        UserError: quality below 0.
    """

    def __init__(self, *, quality: float = 1.0) -> None:
        if not quality >= 0:
            raise UserError(f"quality must be at least 0, got {quality}")
        self.quality = quality

    def together(
        self, surrogate: Surrogate, pool: Sequence[Arch], n: int, rng: np.random.Generator
    ) -> list[Arch] | None:
        mean, covariance = surrogate.covariance(pool)
        weight = np.exp(-self.quality * (mean - mean.min()))
        kernel = weight[:, None] * covariance * weight
        kernel[np.diag_indices(len(pool))] += 1e-9 * np.trace(kernel) / len(pool)  # full rank
        return [pool[i] for i in sample_k_dpp(kernel, min(n, len(pool)), rng)]
