"""Weight norm."""

from __future__ import annotations

import dataclasses
from typing import final

from torch import Tensor, nn

from archwright.estimate.zerocost._saliency import counted
from archwright.estimate.zerocost._score import Score


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class L2Norm(Score):
    """Sum over layers of the norm of their weights; looks at no data.

    Abdelfattah et al. (2021), as a control: it counts layers and widths.
    """

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        return sum(module.get_parameter(name).detach().norm().item() for name in counted(module))
