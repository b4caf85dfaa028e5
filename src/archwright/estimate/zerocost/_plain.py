"""Plain: the signed saliency."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, final

from torch import Tensor, nn

from archwright.estimate.zerocost._saliency import saliency
from archwright.estimate.zerocost._score import Score


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Plain(Score):
    """Sum of gradient x weight with its sign, one backward.

    A control of the public suite (Krishnakumar et al. 2022): it ranks badly.
    """

    labelled: ClassVar[bool] = True

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        return sum((t.detach() * g).sum().item() for t, g in zip(*saliency(module, x, y)))
