"""`proxyless`: the chain of inverted residuals of ProxylessNAS (Cai, Zhu, Han 2019, arXiv 1812.00332), exact.

Stem, one fixed block, then six stages; every block chooses its own kernel and expansion, and a block that keeps stride
and width may also be left out. 15 blocks with 7 and 6 with 6 choices: 221 502 229 807 900 608 networks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Arch, Choice
from archwright.supernet import OneOf, Searchable, Supernet, Zero
from archwright.supernet._oneof import is_zero
from archwright.supernet._searchable import Variable
from archwright.zoo._inputs import check, image

OPERATIONS = {f"mb_k{k}_e{e}": (k, e) for k, e in itertools.product((3, 5, 7), (3, 6))}
"""Name to kernel and expansion; blocks with a shortcut also have `zero`."""
WIDTHS = (24, 40, 80, 96, 192, 320)
BLOCKS = (4, 4, 4, 4, 4, 1)
STRIDES = (2, 2, 2, 1, 2, 1)
STEM, FIRST, HEAD = 32, 16, 1280
PHONE_WIDTHS = (32, 40, 80, 96, 192, 320)
"""Of the published network for phones."""
_PHONE = ("53 33", "73 33 53 53", "76 53 53 53", "56 53 53 53", "76 76 73 73", "76")
_SMALLEST = 4  # pixels of the last stage, below which an image is not halved further


def proxyless(
    *,
    in_channels: int = 3,
    classes: int = 10,
    image_size: int | None = 224,
    width: float = 1.0,
    stages: int = 6,
    blocks: int = 4,
    widths: Sequence[int] = WIDTHS,
    head: int = HEAD,
) -> Supernet:
    """The space of ProxylessNAS for images; the defaults are the published one, for 224 pixels.

    Variables `stage<s>.block<b>`. Images are halved up to five times: by the stem and at the first block of stages 1,
    2, 3 and 5. For smaller ones as many of the first of these strides become 1 as it takes to leave 4 pixels: of 224
    pixels 7 are left, of 64 and 32 4, of 28 7, of 8 4. Shapes never depend on choices, so costs of blocks add up.

    Args:
        in_channels: channels of the image.
        classes: number of outputs.
        image_size: height (= width) in pixels, 4 to 512.
        width: factor on all widths but that of the head, above 0; widths are multiples of 8.
        stages: how many of the stages to keep, 1 to 6.
        blocks: most blocks a stage, at least 1.
        widths: of the stages.
        head: channels before pooling, times `width` where that is above 1.

    Raises:
        UserError: sizes out of range.
    """
    size = image("proxyless", image_size)
    check("proxyless", in_channels=in_channels, classes=classes, image_size=size, smallest=_SMALLEST, largest=512)
    if not 0 < width < math.inf:
        raise UserError(f"proxyless: width must be a number above 0, got {width}")
    if not 1 <= stages <= len(WIDTHS):
        raise UserError(f"proxyless: stages must be from 1 to {len(WIDTHS)}, got {stages}")
    if blocks < 1 or head < 1:
        raise UserError(f"proxyless: blocks and head must be at least 1, got {blocks} and {head}")
    if len(widths) != len(WIDTHS) or min(widths) < 1:
        raise UserError(f"proxyless: widths must be {len(WIDTHS)} numbers above 0, got {list(widths)}")
    channels = [_rounded(w * width) for w in (STEM, FIRST, *widths[:stages])]
    depths = [min(n, blocks) for n in BLOCKS[:stages]]
    last = _rounded(head * max(1.0, width))
    module = _Network(in_channels, classes, channels, depths, _strides(size, stages), last)
    return Supernet(module, name="proxyless", input_shape=(in_channels, size, size))


def phone() -> Arch:
    """The published network for phones, of the space with `widths=PHONE_WIDTHS`."""
    chosen = [[f"mb_k{block[0]}_e{block[1]}" for block in stage.split()] for stage in _PHONE]
    filled = [ops + ["zero"] * (n - len(ops)) for ops, n in zip(chosen, BLOCKS)]
    return Arch({_name(s, b): op for s, ops in enumerate(filled, 1) for b, op in enumerate(ops, 1)})


class _Network(nn.Module):
    def __init__(
        self,
        in_channels: int,
        classes: int,
        widths: Sequence[int],
        depths: Sequence[int],
        strides: Sequence[int],
        head: int,
    ) -> None:
        super().__init__()
        stem, before, *after = widths
        self.stem = nn.Sequential(
            *_unit(in_channels, stem, 3, stride=strides[0]), InvertedBottleneck(stem, before, 3, 1, stride=1)
        )
        stages = []
        for s, (channels, depth, stride) in enumerate(zip(after, depths, strides[1:], strict=True), 1):
            chain = [_block(_name(s, 1), before, channels, stride)]
            chain += [_block(_name(s, b), channels, channels, 1) for b in range(2, depth + 1)]
            stages.append(nn.Sequential(*chain))
            before = channels
        self.stages = nn.Sequential(*stages)
        self.head = nn.Sequential(
            *_unit(before, head, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(head, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stages(self.stem(x)))


def _block(name: str, before: int, after: int, stride: int) -> nn.Module:
    options: dict[str, nn.Module] = {
        option: InvertedBottleneck(before, after, kernel, expansion, stride=stride)
        for option, (kernel, expansion) in OPERATIONS.items()
    }
    if stride > 1 or before != after:
        return OneOf(Choice(name, tuple(options)), options)
    options["zero"] = Zero()
    return _Residual(OneOf(Choice(name, tuple(options)), options))


class _Residual(Searchable):
    """Input plus the chosen operation; with `zero` the input alone."""

    def __init__(self, operation: OneOf) -> None:
        super().__init__()
        self.operation = operation

    def variables(self) -> tuple[Variable, ...]:
        return ()

    def forward(self, x: Tensor) -> Tensor:
        return x if is_zero(self.operation) else cast(Tensor, x + self.operation(x))

    def plain(self) -> nn.Module:
        return nn.Identity() if is_zero(self.operation) else _Sum(self.operation)


class _Sum(nn.Module):
    def __init__(self, operation: nn.Module) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, x + self.operation(x))


class InvertedBottleneck(nn.Sequential):
    """Expand by 1 x 1 (not at expansion 1), depthwise k x k, project by 1 x 1 (Sandler et al. 2018), no shortcut."""

    def __init__(self, before: int, after: int, kernel: int, expansion: int, *, stride: int) -> None:
        hidden = before * expansion
        expand = _unit(before, hidden, 1) if expansion > 1 else []
        depthwise = _unit(hidden, hidden, kernel, stride=stride, groups=hidden)
        super().__init__(*expand, *depthwise, *_unit(hidden, after, 1)[:2])


def _unit(before: int, after: int, kernel: int, *, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Convolution, batch normalisation, ReLU6."""
    conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(after, eps=1e-3), nn.ReLU6(inplace=True)]


def _name(stage: int, block: int) -> str:
    return f"stage{stage}.block{block}"


def _strides(size: int, stages: int) -> list[int]:
    """Of the stem and the stages; the first are 1 where the image is too small for all."""
    published = [2, *STRIDES[:stages]]
    left = int(math.log2(size / _SMALLEST))
    strides = []
    for stride in reversed(published):
        strides.append(stride if left > 0 else 1)
        left -= stride - 1
    return strides[::-1]


def _rounded(channels: float) -> int:
    """The nearest multiple of 8, at least 8, not less than nine tenths of the number."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near if near >= 0.9 * channels else near + 8
