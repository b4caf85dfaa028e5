"""Random crop of the padded image."""

from __future__ import annotations

import dataclasses

import torch
from torch import Generator, Tensor

from archwright.data.augmentation._fill import Fill, fill_like


@dataclasses.dataclass(frozen=True)
class Shift:
    """Moves each image by whole pixels, uniform in -pixels..pixels along both axes: pad, then crop (Krizhevsky 2012).

    x: (B, C, H, W), dtype kept; what comes in from outside is `fill`.
    """

    pixels: int
    fill: Fill = 0.0

    def __call__(self, x: Tensor, generator: Generator) -> Tensor:
        height, width = x.shape[2:]
        padded = self._pad(x)
        down, right = torch.randint(2 * self.pixels + 1, (2, len(x), 1, 1), generator=generator).to(x.device)
        first = torch.arange(padded.shape[2], device=x.device)[:height] * padded.shape[3]  # of each row, (H,)
        plane = torch.arange(len(x) * x.shape[1], device=x.device).view(len(x), -1, 1) * padded[0, 0].numel()
        start = plane + (down * padded.shape[3] + right) + first  # (B, C, H)
        runs = padded.flatten().unfold(0, width, 1)  # a view: every run of `width` pixels; copying runs beats gathering
        return runs.index_select(0, start.flatten()).view(x.shape)

    def _pad(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        reach = 2 * self.pixels
        padded = fill_like(self.fill, x).expand(batch, channels, height + reach, width + reach).clone()
        padded[:, :, self.pixels : self.pixels + height, self.pixels : self.pixels + width] = x
        return padded
