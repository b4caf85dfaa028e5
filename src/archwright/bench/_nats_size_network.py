"""The networks of NATS-Bench size, as plain modules (Dong et al. 2021, arXiv 2009.00437)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class NatsSizeNetwork(nn.Module):
    """Three cells of fixed operations joined by two residual blocks of stride 2, on 32 x 32 colour images, 10 classes.

    Args:
        widths: five channel counts: stem and first cell, block, cell, block, cell.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        c1, c2, c3, c4, c5 = widths
        self.stem = nn.Sequential(nn.Conv2d(3, c1, 3, padding=1, bias=False), nn.BatchNorm2d(c1))
        self.cells = nn.Sequential(_Cell(c1, c1), _Block(c1, c2), _Cell(c2, c3), _Block(c3, c4), _Cell(c4, c5))
        self.head = nn.Sequential(
            nn.BatchNorm2d(c5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c5, 10)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 10) of images (B, 3, 32, 32)."""
        return self.head(self.cells(self.stem(x)))


class _Cell(nn.Module):
    """`|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|`."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.edge01, self.edge02 = _convolution(before, after, 3), _convolution(before, after, 3)
        self.edge03 = nn.Identity() if before == after else _convolution(before, after, 1)
        self.edge12, self.edge13, self.edge23 = (_convolution(after, after, 3) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        first = self.edge01(x)
        second = self.edge02(x) + self.edge12(first)
        return self.edge03(x) + self.edge13(first) + self.edge23(second)


class _Block(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.a, self.b = _convolution(before, after, 3, stride=2), _convolution(after, after, 3)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(before, after, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.b(self.a(x))


def _convolution(before: int, after: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, nn.BatchNorm2d(after))
