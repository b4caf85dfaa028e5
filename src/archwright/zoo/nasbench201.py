"""`nasbench201`: the cell space of NAS-Bench-201 and NATS-Bench topology (Dong and Yang 2020, arXiv 2001.00326), exact.

A cell has 4 nodes and 6 edges; every edge is one of five operations; node 3 is the output: 15 625 cells. The network is
a 3 x 3 stem, three stages of N cells at C, 2C, 4C channels joined by residual blocks of stride 2, and a linear head.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import networkx as nx
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError, nearest
from archwright.space import Arch, Choice
from archwright.supernet import Cell, OneOf, Supernet, Zero
from archwright.zoo._inputs import check, image

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
_CHOICES = {edge: Choice(f"edge{edge[0]}{edge[1]}", OPERATIONS) for edge in EDGES}


def nasbench201(
    *,
    in_channels: int = 3,
    classes: int = 10,
    image_size: int | None = 32,
    channels: int = 16,
    cells: int = 5,
    affine: bool = True,
) -> Supernet:
    """The 15 625 cells of NAS-Bench-201 over shared weights; the defaults are the published skeleton.

    Args:
        in_channels: channels of the image.
        classes: number of outputs.
        image_size: height (= width) in pixels, at least 4.
        channels: C, channels of the first stage (16 in the table).
        cells: N, cells a stage (5 in the table).
        affine: whether batch normalisation inside cells has scale and shift.

    Raises:
        UserError: sizes out of range.
    """
    size = image("nasbench201", image_size)
    check("nasbench201", in_channels=in_channels, classes=classes, image_size=size, smallest=4)
    module = _Network(in_channels, classes, channels, cells, affine)
    return Supernet(module, name="nasbench201", input_shape=(in_channels, size, size), canonical=canonical, graph=graph)


class _Network(nn.Module):
    def __init__(self, in_channels: int, classes: int, channels: int, cells: int, affine: bool) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        stages: list[nn.Module] = []
        for stage in range(3):
            width = channels * 2**stage
            if stage:
                stages.append(_Reduction(width // 2, width))
            stages.extend(_cell(width, affine) for _ in range(cells))
        self.cells = nn.Sequential(*stages)
        self.norm = nn.BatchNorm2d(4 * channels)
        self.head = nn.Linear(4 * channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.cells(self.stem(x))))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


def _cell(width: int, affine: bool) -> Cell:
    return Cell({edge: OneOf(choice, _operations(width, affine)) for edge, choice in _CHOICES.items()})


def _operations(width: int, affine: bool) -> dict[str, nn.Module]:
    return {
        "none": Zero(),
        "skip_connect": nn.Identity(),
        "nor_conv_1x1": _relu_conv_norm(width, width, 1, affine=affine),
        "nor_conv_3x3": _relu_conv_norm(width, width, 3, affine=affine),
        "avg_pool_3x3": nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
    }


def _relu_conv_norm(before: int, after: int, kernel: int, *, stride: int = 1, affine: bool = True) -> nn.Sequential:
    conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(after, affine=affine))


class _Reduction(nn.Module):
    """Residual block of stride 2 with a pooled 1 x 1 shortcut that has no normalisation."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.a = _relu_conv_norm(before, after, 3, stride=2)
        self.b = _relu_conv_norm(after, after, 3)
        pool = nn.AvgPool2d(2, ceil_mode=True)  # odd sides as the strided convolution beside it; even ones as published
        self.shortcut = nn.Sequential(pool, nn.Conv2d(before, after, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.b(self.a(x))


def to_string(arch: Mapping[str, Any]) -> str:
    """The published string form, `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`."""
    nodes = ("".join(f"|{arch[_CHOICES[i, j].name]}~{i}" for i in range(j)) + "|" for j in (1, 2, 3))
    return "+".join(nodes)


def from_string(text: str) -> Arch:
    """The architecture of a string form.

    Raises:
        UserError: not of the form, or an unknown operation.
    """
    found = re.fullmatch(
        r"\|([^|~]+)~0\|\+\|([^|~]+)~0\|([^|~]+)~1\|\+\|([^|~]+)~0\|([^|~]+)~1\|([^|~]+)~2\|", text.strip()
    )
    if found is None:
        raise UserError(f"{text!r} is not of the form |op~0|+|op~0|op~1|+|op~0|op~1|op~2|")
    for operation in found.groups():
        if operation not in OPERATIONS:
            raise UserError(f"unknown operation {operation!r}{nearest(operation, OPERATIONS)}")
    return Arch({_CHOICES[edge].name: operation for edge, operation in zip(EDGES, found.groups())})


def topology(arch: Mapping[str, Any]) -> str:
    """A text that two cells share if they are isomorphic: skips removed, zeros propagated, sums sorted.

    This is the rule of the published code (`Structure.to_unique_str(consider_zero=True)`): 6466 classes. A zero stays a
    term of a sum; without zero terms 5390 classes would remain.
    """
    nodes = ["0"]
    for j in (1, 2, 3):
        terms = []
        for i in range(j):
            operation = arch[_CHOICES[i, j].name]
            if operation == "none" or nodes[i] == "#":
                terms.append("#")
            else:
                terms.append(nodes[i] if operation == "skip_connect" else f"({nodes[i]})@{operation}")
        nodes.append("+".join(sorted(terms)))
    return nodes[-1]


def canonical(arch: Arch) -> Arch:
    """The first architecture, in the order of edges and operations, that is isomorphic to `arch`."""
    return _representatives()[topology(arch)]


@cache
def _representatives() -> dict[str, Arch]:
    names = [choice.name for choice in _CHOICES.values()]
    first: dict[str, Arch] = {}
    for operations in itertools.product(OPERATIONS, repeat=len(EDGES)):
        arch = dict(zip(names, operations))
        first.setdefault(topology(arch), arch)  # type: ignore[arg-type]
    return {text: Arch(arch) for text, arch in first.items()}


def graph(arch: Arch) -> nx.DiGraph:
    """Operations as nodes (attribute `op`) between `input` and `output`; `none` edges left out."""
    drawn = nx.DiGraph()
    drawn.add_node("input", op="input")
    alive = [edge for edge in EDGES if arch[_CHOICES[edge].name] != "none"]
    for edge in alive:
        drawn.add_node(_CHOICES[edge].name, op=arch[_CHOICES[edge].name])
    drawn.add_node("output", op="output")
    for i, j in alive:
        here = _CHOICES[i, j].name
        if i == 0:
            drawn.add_edge("input", here)
        if j == 3:
            drawn.add_edge(here, "output")
        for k, m in alive:
            if k == j:
                drawn.add_edge(here, _CHOICES[k, m].name)
    return drawn
