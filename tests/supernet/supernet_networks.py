"""Small networks and tools that several tests of the supernet share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archwright.space import Choice, Ordinal
from archwright.supernet import (
    Depth,
    ElasticBatchNorm2d,
    ElasticConv2d,
    ElasticLinear,
    OneOf,
    Product,
    Supernet,
    Zero,
)


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Parameters and statistics that nothing hides behind: no zero scale, no zero mean, no unit variance."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) / max(1, p[0].numel()) ** 0.5)
        for name, b in module.named_buffers():
            if name.endswith("running_mean"):
                b.copy_(torch.randn(b.shape, generator=generator))
            if name.endswith("running_var"):
                b.copy_(torch.rand(b.shape, generator=generator) + 0.5)
    return module


def one(layer: nn.Module, *, double: bool = False) -> Supernet:
    """A supernet of one layer with random weights, in eval mode."""
    net = Supernet(randomise(layer)).eval()
    return net.double() if double else net


def count_flops(operation: Any, function: Any, *args: Any) -> int:
    """Floating-point operations that one call spends in `operation`, an overload packet of `torch.ops.aten`."""
    with FlopCounterMode(display=False) as counter:
        function(*args)
    return counter.get_flop_counts()["Global"][operation]


def weights(*values: float, grad: bool = False) -> Tensor:
    """A float64 weight vector over options."""
    return torch.tensor(values, dtype=torch.float64, requires_grad=grad)


class Block(nn.Module):
    """Residual block with an elastic hidden width and kernel."""

    def __init__(self, name: str, width: Ordinal) -> None:
        super().__init__()
        hidden = Product(width, Ordinal(f"{name}.expansion", (1, 2)))
        self.expand = ElasticConv2d(width, hidden, Ordinal(f"{name}.kernel", (1, 3)), bias=False)
        self.norm = ElasticBatchNorm2d(hidden)
        self.project = ElasticConv2d(hidden, width, 1)
        self.last = ElasticBatchNorm2d(width, zero_init=True)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.last(self.project(F.relu(self.norm(self.expand(x)))))


class Mixed(nn.Module):
    """Every kind of searchable layer on 2 x 8 x 8 images, five classes."""

    def __init__(self) -> None:
        super().__init__()
        width = Ordinal("width", (4, 6, 8))
        self.stem = ElasticConv2d(2, width, 3)
        self.blocks = Depth(Ordinal("depth", (1, 2, 3)), [Block(f"b{i}", width) for i in range(3)])
        pooling = {"max": nn.MaxPool2d(2), "avg": nn.AvgPool2d(2), "none": Zero(2)}
        self.pool = OneOf(Choice("pool", tuple(pooling)), pooling)
        self.head = ElasticLinear(width, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.blocks(self.stem(x)))
        return self.head(x.mean((2, 3)))


def mixed(seed: int = 0) -> Supernet:
    """`Mixed` with random weights and statistics, in eval mode."""
    return Supernet(randomise(Mixed(), seed), input_shape=(2, 8, 8)).eval()


def smallest(net: Supernet, **changes: Any) -> Mapping[str, Any]:
    """The first option everywhere, apart from `changes`; inactive variables dropped."""
    values = {v.name: v.options[0] for v in net.space.variables} | changes
    return net.space.canonical(values)
