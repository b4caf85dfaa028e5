"""Small rotations, scalings and translations."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from archwright.data.augmentation._fill import Fill, fill_like


@dataclasses.dataclass(frozen=True)
class Affine:
    """Rotates, scales and moves each image about its centre, bilinear.

    x: (B, C, H, W); the result is float32, `fill` outside.

    Args:
        degrees: rotation uniform in -degrees..degrees.
        scale: magnification log-uniform in 1/scale..scale, at least 1.
        pixels: translation uniform (not only whole pixels) in -pixels..pixels along both axes.
        fill: raw value outside the image.
    """

    degrees: float = 10.0
    scale: float = 1.1
    pixels: float = 1.0
    fill: Fill = 0.0

    def __call__(self, x: Tensor, generator: Generator) -> Tensor:
        fill = fill_like(self.fill, x).to(torch.float32)
        theta = self._matrices(x, generator).to(x.device)
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        return F.grid_sample(x - fill, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + fill

    def _matrices(self, x: Tensor, generator: Generator) -> Tensor:
        """(B, 2, 3): where in the input each output position looks, in units of half the image."""
        batch, _, height, width = x.shape
        angle, zoom, down, right = torch.rand(4, batch, generator=generator) * 2 - 1
        angle = angle * math.radians(self.degrees)
        zoom = torch.exp(-zoom * math.log(self.scale))
        cos, sin = zoom * angle.cos(), zoom * angle.sin()
        across = torch.stack([cos, -sin * (height / width), right * (2 * self.pixels / width)], -1)
        along = torch.stack([sin * (width / height), cos, down * (2 * self.pixels / height)], -1)
        return torch.stack([across, along], 1)
