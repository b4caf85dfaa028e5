"""Parameter and FLOP counts as scores: the baselines of every table."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, final

from torch import Tensor, nn

from archwright import cost
from archwright.estimate.zerocost._score import Score


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Params(Score):
    """Number of parameters, as `cost.params`: a baseline that many scores do not beat."""

    batch: ClassVar[int] = 1

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        return float(cost.params(module))


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Flops(Score):
    """Floating-point operations for one sample, as `cost.flops` (2 x multiply-adds): a baseline."""

    batch: ClassVar[int] = 1

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        return float(cost.flops(module, x[:1]))
