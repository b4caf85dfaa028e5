"""Left-right mirroring."""

from __future__ import annotations

import dataclasses

import torch
from torch import Generator, Tensor


@dataclasses.dataclass(frozen=True)
class Flip:
    """Mirrors each image left to right with probability `p`. x: (B, C, H, W), dtype kept."""

    p: float = 0.5

    def __call__(self, x: Tensor, generator: Generator) -> Tensor:
        mirrored = torch.rand(len(x), generator=generator) < self.p
        return torch.where(mirrored.to(x.device).view(-1, 1, 1, 1), x.flip(-1), x)
