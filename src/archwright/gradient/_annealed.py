"""The cooled mixture of ASAP."""

from __future__ import annotations

import dataclasses
import math
from typing import final

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._relaxation import Relaxation


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Annealed(Relaxation):
    """softmax(alpha / T) with T = start * factor^t in epoch t (Noy et al. 2020, ASAP, equations 3 and 5); a sigmoid of
    the difference when two options are left.

    Args:
        start: T of the first epoch, > 0.
        factor: of an epoch, in (0, 1].
        epochs: length of the search that `factor` is meant for; a search of another length cools as far.

    Raises:
        UserError: a setting out of range.
    """

    start: float = 1.6
    factor: float = 0.95
    epochs: int = 50

    def __post_init__(self) -> None:
        if self.start <= 0 or not 0 < self.factor <= 1 or self.epochs < 1:
            raise UserError(f"Annealed needs start > 0, factor in (0, 1] and epochs >= 1, got {self}")

    def temperature(self, progress: float) -> float:
        """T when this part of the search is done; constant within an epoch."""
        return self.start * self.factor ** math.floor(progress * self.epochs + 1e-9)

    def __call__(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> Tensor:
        return self.probabilities(alpha, progress=progress)

    def probabilities(self, alpha: Tensor, *, progress: float) -> Tensor:
        return (alpha / self.temperature(progress)).softmax(-1)
