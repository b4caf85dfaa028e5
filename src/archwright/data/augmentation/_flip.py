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
        mirrored = torch.rand(len(x), 1, generator=generator) < self.p
        position = torch.arange(x.shape[-1])
        source = torch.where(mirrored, x.shape[-1] - 1 - position, position).to(x.device)  # (B, W)
        return x.gather(3, source[:, None, None, :].expand(x.shape))
