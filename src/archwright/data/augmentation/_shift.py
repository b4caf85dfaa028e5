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
        batch, channels, height, width = x.shape
        reach = 2 * self.pixels
        padded = fill_like(self.fill, x).expand(batch, channels, height + reach, width + reach).clone()
        padded[:, :, self.pixels : self.pixels + height, self.pixels : self.pixels + width] = x
        offset = torch.randint(reach + 1, (2, batch), generator=generator).to(x.device)
        windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (B, C, reach + 1, reach + 1, H, W), a view
        return windows[torch.arange(batch, device=x.device), :, offset[0], offset[1]]
