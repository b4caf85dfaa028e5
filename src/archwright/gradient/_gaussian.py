"""A Gaussian over parameters."""

from __future__ import annotations

import dataclasses
from typing import final

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._relaxation import Relaxation


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Gaussian(Relaxation):
    """softmax of logits drawn from N(alpha, deviation^2), reparameterised: a Gaussian posterior over the parameters.

    Args:
        deviation: standard deviation of every logit at the start; it falls linearly to zero.

    Raises:
        UserError: a negative deviation.
    """

    deviation: float = 1.0

    def __post_init__(self) -> None:
        if self.deviation < 0:
            raise UserError(f"deviation must be at least 0, got {self.deviation}")

    def __call__(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> Tensor:
        noise = torch.randn(len(alpha), generator=generator).to(alpha)
        return (alpha + self.deviation * (1.0 - progress) * noise).softmax(-1)
