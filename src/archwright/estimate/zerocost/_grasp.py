"""GraSP."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, final

from torch import Tensor, nn

from archwright.estimate.zerocost._probe import gradients
from archwright.estimate.zerocost._saliency import saliency
from archwright.estimate.zerocost._score import Score


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Grasp(Score):
    """Minus the sum of weight x (Hessian times gradient), one forward and a double backward.

    Wang, Zhang and Grosse (2020), "Picking Winning Tickets Before Training by Preserving Gradient Flow", with the sign
    of Abdelfattah et al. (2021), opposite to that of the pruning paper.
    """

    labelled: ClassVar[bool] = True

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        theta, g = saliency(module, x, y, twice=True)
        z = sum((a.detach() * a).sum() for a in g if a.requires_grad)
        if not isinstance(z, Tensor):
            return 0.0
        return -sum((t.detach() * h).sum().item() for t, h in zip(theta, gradients(z, theta)))
