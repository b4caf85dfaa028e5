"""One option, drawn: what score-function estimators work on."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, final

import torch
from torch import Tensor

from archwright.gradient._relaxation import Relaxation, drawn
from archwright.supernet import Paths


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Sampled(Relaxation):
    """One option drawn from softmax(alpha); only it runs, and it carries no gradient (Williams 1992; Tucker et al.
    2017; Grathwohl et al. 2018)."""

    sampled: ClassVar[bool] = True

    def __call__(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> Tensor | Paths:
        return Paths((drawn(alpha.softmax(-1), generator),), torch.ones(1, device=alpha.device))

    def path(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> int:
        return drawn(alpha.softmax(-1), generator)
