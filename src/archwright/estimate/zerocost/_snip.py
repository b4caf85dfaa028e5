"""SNIP."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, final

from torch import Tensor, nn

from archwright.estimate.zerocost._saliency import saliency
from archwright.estimate.zerocost._score import Score


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Snip(Score):
    """Sum of |gradient x weight|, one backward.

    Lee, Ajanthan and Torr (2019), "SNIP: Single-shot Network Pruning", summed over the network as by Abdelfattah et al.
    (2021).
    """

    labelled: ClassVar[bool] = True

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        return sum((t.detach() * g).abs().sum().item() for t, g in zip(*saliency(module, x, y)))
