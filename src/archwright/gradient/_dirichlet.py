"""The posterior mixtures: DrNAS and Gaussian logits."""

from __future__ import annotations

import dataclasses
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._relaxation import Relaxation


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Dirichlet(Relaxation):
    """Weights drawn from Dirichlet(ELU(alpha) + 1), with gradients through the sample (Chen et al. 2021, DrNAS, section
    2.2; Figurnov et al. 2018 for the gradient)."""

    def __call__(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> Tensor:
        concentration = concentrations(alpha)
        with torch.random.fork_rng(devices=[alpha.device] if alpha.is_cuda else []):
            torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
            return torch.distributions.Dirichlet(concentration).rsample()

    def probabilities(self, alpha: Tensor, *, progress: float) -> Tensor:
        concentration = concentrations(alpha)
        return concentration / concentration.sum()


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


def concentrations(alpha: Tensor) -> Tensor:
    """(n,) concentration of DrNAS, about one at the start: uniform on the simplex."""
    return F.elu(alpha.float()) + 1.0 + torch.finfo(torch.float32).tiny
