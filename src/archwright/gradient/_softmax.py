"""The plain mixture of DARTS."""

from __future__ import annotations

import dataclasses
from typing import final

import torch
from torch import Tensor

from archwright.gradient._relaxation import Relaxation


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Softmax(Relaxation):
    """Every option runs, weighted by softmax(alpha) (Liu, Simonyan, Yang 2019, DARTS, equation 2)."""

    def __call__(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> Tensor:
        return alpha.softmax(-1)
