"""A blanked square."""

from __future__ import annotations

import dataclasses

import torch
from torch import Generator, Tensor

from archwright.data.augmentation._fill import Fill, fill_like


@dataclasses.dataclass(frozen=True)
class Cutout:
    """Sets one square of side `pixels` in each image to `fill`; its centre is uniform over the image, so that a part
    may fall outside (DeVries and Taylor 2017). x: (B, C, H, W), dtype kept."""

    pixels: int
    fill: Fill = 0.0

    def __call__(self, x: Tensor, generator: Generator) -> Tensor:
        inside = [_near(length, self.pixels, len(x), generator).to(x.device) for length in x.shape[2:]]
        square = inside[0][:, None, :, None] & inside[1][:, None, None, :]
        return torch.where(square, fill_like(self.fill, x), x)


def _near(length: int, side: int, batch: int, generator: Generator) -> Tensor:
    """(B, length) bool: an interval of `side` positions around a random centre."""
    first = torch.randint(length, (batch, 1), generator=generator) - side // 2
    position = torch.arange(length)
    return (position >= first) & (position < first + side)
