"""`convnet`: the default vision space, a chain of elastic residual blocks that scales itself to the image size.

The chain follows the stage-wise elastic spaces of Once-for-all (Cai et al. 2020) and BigNAS (Yu et al. 2020): width of
a stage, number, kernel and expansion of its blocks. High-resolution stages use plain convolutions (k x k expanding,
then 1 x 1), where depthwise ones are slow on every processor and weak at few channels; stages of at most 8 pixels use
inverted residuals (Sandler et al. 2018), which cost fewer parameters at many channels.
"""

from __future__ import annotations

import itertools
import math
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Ordinal
from archwright.supernet import Depth, ElasticBatchNorm2d, ElasticConv2d, ElasticLinear, Product, Supernet
from archwright.supernet._dimension import Size
from archwright.zoo._inputs import check, image

Kind = Literal["plain", "inverted"]
_WIDTHS = {
    1: (32,),
    2: (16, 32),
    3: (16, 32, 64),
    4: (24, 40, 80, 160),
}  # largest width of each stage, by number of stages


def convnet(
    *, in_channels: int = 3, classes: int = 10, image_size: int | None = 32, width: float = 1.0, blocks: int = 3
) -> Supernet:
    """Elastic chain of plain and inverted residual blocks: width, depth, kernel and expansion.

    The stem brings the image to at most 56 pixels, stages halve it until it is at most 8; widths grow as it shrinks.
    With `image_size=8` the largest network has about 37 thousand parameters, with 32 about 0.16 million, with 224 about
    1.1 million.

    Args:
        in_channels: channels of the image.
        classes: number of outputs.
        image_size: height (= width) in pixels, 8 to 512.
        width: factor on all widths, above 0.
        blocks: most blocks a stage, at least 1; the first stage has at most 1, the second 2, later ones 3.

    Raises:
        UserError: sizes out of range.
    """
    size = image("convnet", image_size)
    check("convnet", in_channels=in_channels, classes=classes, image_size=size, smallest=8, largest=512)
    if not 0 < width < math.inf:
        raise UserError(f"convnet: width must be a number above 0, got {width}")
    if blocks < 1:
        raise UserError(f"convnet: blocks must be at least 1, got {blocks}")
    reductions = 0
    while size / 2**reductions > 56:
        reductions += 1
    resolution = -(-size // 2**reductions)
    stages = 2
    while resolution / 2 ** (stages - 1) > 8 and stages < 4:
        stages += 1
    widths = [round(width * w) for w in _WIDTHS[stages]]
    module = _ConvNet(in_channels, classes, reductions, resolution, widths, blocks)
    return Supernet(module, name="convnet", input_shape=(in_channels, size, size))


class _ConvNet(nn.Module):
    def __init__(
        self, in_channels: int, classes: int, reductions: int, resolution: int, widths: list[int], blocks: int
    ) -> None:
        super().__init__()
        sizes = [Ordinal(f"stage{s}.width", _multiples(w)) for s, w in enumerate(widths, 1)]
        strides = [2] * reductions or [1]
        channels: list[Size] = [in_channels, *[sizes[0].options[-1] // 2] * (len(strides) - 1), sizes[0]]
        self.stem = nn.Sequential(
            *(_Unit(i, o, 3, stride=s) for (i, o), s in zip(itertools.pairwise(channels), strides))
        )
        stages: list[nn.Module] = []
        for s, size in enumerate(sizes, 1):
            kind: Kind = "plain" if s == 1 or resolution > 8 else "inverted"
            before = sizes[s - 2] if s > 1 else None
            kernels = (3, 5) if resolution <= 8 else (3,)  # a plain 5 x 5 on a large image costs more than all else
            stages.append(_Stage(f"stage{s}", before, size, kind, kernels, blocks=min(s, 3, blocks)))
            resolution = -(-resolution // 2)
        self.stages = nn.Sequential(*stages)
        self.head = ElasticLinear(sizes[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages(self.stem(x))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


class _Stage(nn.Module):
    """Transition to the stage's width (halving the image unless first), then a variable number of residual blocks."""

    def __init__(
        self, name: str, before: Size | None, width: Ordinal, kind: Kind, kernels: tuple[int, ...], blocks: int
    ) -> None:
        super().__init__()
        self.transition = nn.Identity() if before is None else _Unit(before, width, 3, stride=2)
        stack = [_Block(f"{name}.block{b}", width, kind, kernels) for b in range(1, blocks + 1)]
        self.blocks = Depth(Ordinal(f"{name}.depth", tuple(range(blocks + 1))), stack)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.transition(x))


class _Block(nn.Module):
    """Residual block: expand by k x k (plain) or by 1 x 1 then depthwise k x k (inverted), project by 1 x 1, add the
    input."""

    def __init__(self, name: str, width: Ordinal, kind: Kind, kernels: tuple[int, ...]) -> None:
        super().__init__()
        plain = kind == "plain"
        kernel = Ordinal(f"{name}.kernel", kernels) if len(kernels) > 1 else kernels[0]
        expansion = Ordinal(f"{name}.expansion", (1, 2) if plain else (1, 2, 3))
        hidden = Product(width, expansion)
        units = (
            [_Unit(width, hidden, kernel)]
            if plain
            else [_Unit(width, hidden, 1), _Unit(hidden, hidden, kernel, depthwise=True)]
        )
        self.units = nn.Sequential(*units)
        self.project = ElasticConv2d(hidden, width, 1, bias=False)
        self.norm = ElasticBatchNorm2d(width, zero_init=True)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.project(self.units(x)))


class _Unit(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(
        self, before: Size, after: Size, kernel: int | Ordinal, *, stride: int = 1, depthwise: bool = False
    ) -> None:
        super().__init__()
        groups: Literal["depthwise", 1] = "depthwise" if depthwise else 1
        self.conv = ElasticConv2d(before, after, kernel, stride=stride, groups=groups, bias=False)
        self.norm = ElasticBatchNorm2d(after)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(self.conv(x)))


def _multiples(largest: int) -> tuple[int, ...]:
    """Half, three quarters and the whole of a width, in steps of four channels."""
    return tuple(sorted({max(4, round(largest * f / 4) * 4) for f in (0.5, 0.75, 1.0)}))
