"""Gradient norm."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, final

from torch import Tensor, nn

from archwright.estimate.zerocost._saliency import saliency
from archwright.estimate.zerocost._score import Score


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class GradNorm(Score):
    """Sum over layers of the gradient norm of their weights, one backward.

    Abdelfattah, Mehrotra, Dudziak and Lane (2021), "Zero-Cost Proxies for Lightweight NAS". Weights of convolutions
    and linear layers; the norms are added, not the squares.
    """

    labelled: ClassVar[bool] = True

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        return sum(g.norm().item() for g in saliency(module, x, y)[1])
