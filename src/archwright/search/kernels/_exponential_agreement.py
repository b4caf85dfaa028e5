"""Exponential of the agreement of categories."""

from __future__ import annotations

from typing import Any, final

from torch import Tensor

from archwright.search.kernels._agreement import Agreement


@final
class ExponentialAgreement(Agreement):
    """exp((1/d) sum_i w_i [h_i = h'_i]) on rows of `Layout`.

    Wan et al. (2021), "Think Global and Act Local", equation 2. The diagonal is exp(mean of w), not 1.
    """

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        return super().forward(x1, x2, diag, **params).exp()
