"""Batch normalisation of inputs of any rank."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn


@final
class AnyRank(nn.BatchNorm2d):
    """Batch normalisation over the second axis, whatever follows it."""

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002
        return
