"""Small networks that the tests of the zero-cost scores share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Small(nn.Module):
    """Convolutions with and without bias, groups, batch normalisation, a residual, rectifiers as layers and by hand."""

    def __init__(self, *, norm: bool = True, classes: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(6) if norm else nn.Identity()
        self.act = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(6, 6, 3, padding=1, groups=2)
        self.norm2 = nn.BatchNorm2d(6) if norm else nn.Identity()
        self.head = nn.Linear(6, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm1(self.stem(x)))
        x = x + F.relu(self.norm2(self.conv(x)))
        return self.head(F.adaptive_avg_pool2d(torch.relu(x - 0.5), 1).flatten(1))


def small(**settings: bool) -> Small:
    """In float64, with normalisation that is not the one it starts with."""
    torch.manual_seed(0)
    net = Small(**settings).double()
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, -1.5, 1.5)
            nn.init.normal_(part.bias)
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    return net


def images(count: int = 12, classes: int = 4, *, size: int = 6) -> tuple[Tensor, Tensor]:
    """float64 images and labels of which every class has some."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 3, size, size, generator=generator, dtype=torch.float64), torch.arange(count) % classes


def identity() -> nn.Module:
    """One linear layer, W = I_2."""
    net = nn.Linear(2, 2, bias=False).double()
    nn.init.eye_(net.weight)
    return net


def two_points() -> tuple[Tensor, Tensor]:
    """(1, 0) of class 0 and (0, 2) of class 1."""
    return torch.tensor([[1.0, 0.0], [0.0, 2.0]], dtype=torch.float64), torch.tensor([0, 1])
