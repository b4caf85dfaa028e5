"""Sampled mixtures: SNAS and GDAS."""

from __future__ import annotations

import dataclasses
from typing import final

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._relaxation import Relaxation, drawn, gumbel
from archwright.supernet import Paths


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class GumbelSoftmax(Relaxation):
    """softmax((log softmax(alpha) + G) / tau), G Gumbel noise, with a temperature that falls linearly.

    `hard=False` is SNAS (Xie, Zheng, Liu, Lin 2019, equation 4): every option runs. `hard=True` is GDAS (Dong, Yang
    2019, equation 4): only the option of the largest value runs; its weight is one and has the gradient of the soft
    sample (straight-through).

    Args:
        start, end: temperature at the start and at the end of the search, both > 0.
        hard: run only the sampled option.

    Raises:
        UserError: a temperature that is not positive.
    """

    start: float = 1.0
    end: float = 0.03
    hard: bool = False

    def __post_init__(self) -> None:
        if min(self.start, self.end) <= 0:
            raise UserError(f"temperatures must be positive, got start {self.start} and end {self.end}")

    def temperature(self, progress: float) -> float:
        """tau when this part of the search is done."""
        return self.start + (self.end - self.start) * progress

    def __call__(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> Tensor | Paths:
        noise = gumbel(len(alpha), generator).to(alpha)
        soft = ((alpha.log_softmax(-1) + noise) / self.temperature(progress)).softmax(-1)
        if not self.hard:
            return soft
        chosen = int(soft.argmax())
        value = soft[chosen : chosen + 1]
        return Paths((chosen,), 1.0 - value.detach() + value)

    def path(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> Tensor | Paths | int:
        if self.hard:
            return drawn(alpha.softmax(-1), generator)
        return self(alpha, progress=progress, generator=generator)
