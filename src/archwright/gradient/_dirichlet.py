"""A distribution over mixtures: DrNAS."""

from __future__ import annotations

import dataclasses
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

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


def concentrations(alpha: Tensor) -> Tensor:
    """(n,) concentration of DrNAS, about one at the start: uniform on the simplex."""
    return F.elu(alpha.float()) + 1.0 + torch.finfo(torch.float32).tiny
