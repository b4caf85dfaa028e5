"""The first slot: how architecture parameters become what the supernet is told."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from archwright.supernet import Paths


@dataclasses.dataclass(frozen=True, kw_only=True)
class Relaxation(ABC):
    """Turns the parameters of one variable, `alpha` (n,) over the options that are left, into weights over them.

    A relaxation has no state. What it draws comes from the generator alone, so that two calls with generators in the
    same state agree: this is how a finite difference sees the same noise on both sides.

    Args:
        spread: standard deviation of the first parameters.
    """

    sampled: ClassVar[bool] = False
    """Whether it gives one option without a gradient, so that only score-function estimators can use it."""

    competing: ClassVar[bool] = True
    """Whether weights over the options compete. If not, an option that adds nothing has no parameter: it starts at zero
    and no gradient moves it."""

    spread: float = 1e-3

    def initial(self, count: int, generator: torch.Generator) -> Tensor:
        """First parameters (count,), N(0, spread^2) unless the method says otherwise."""
        return self.spread * torch.randn(count, generator=generator)

    @abstractmethod
    def __call__(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> Tensor | Paths:
        """Weights over the options.

        Args:
            alpha: (n,) parameters.
            progress: part of the search that is done, in [0, 1].
            generator: of everything random, on the CPU.

        Returns:
            (n,) weights that carry a gradient to `alpha`, or the few paths that run.
        """

    def path(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> Tensor | Paths | int:
        """What a step of the network's weights runs: weights, or one option's position. No gradient is taken."""
        return self(alpha, progress=progress, generator=generator)

    def probabilities(self, alpha: Tensor, *, progress: float) -> Tensor:
        """(n,), sum one: what derivations and reports read."""
        return alpha.softmax(-1)

    def mean(self, alpha: Tensor, *, progress: float) -> Tensor:
        """(n,) weights without noise: what the mixture is judged by."""
        return self.probabilities(alpha, progress=progress)


def gumbel(count: int, generator: torch.Generator) -> Tensor:
    """(count,) float32 samples of the standard Gumbel distribution, as -log of exponential ones (never infinite)."""
    tiny = torch.finfo(torch.float32).tiny
    return -torch.empty(count).exponential_(generator=generator).clamp_min_(tiny).log_()


def drawn(probabilities: Tensor, generator: torch.Generator) -> int:
    """One position with these probabilities."""
    return int((probabilities.detach().float().cpu().log() + gumbel(len(probabilities), generator)).argmax())
