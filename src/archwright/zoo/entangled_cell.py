"""`entangled-cell`: the small cell space of TangleNAS (Sukthanker et al. 2023, arXiv 2312.10440), exact.

A cell has one input, two inner nodes and three edges, each one of four operations; the output is the concatenation of
the nodes. The network is a reducing, a normal and a reducing cell; the two reducing cells are alike: 4^6 = 4096
networks, all tabulated (`archwright.bench`). On an edge sep3 and sep5 are sizes of one operation, and dil3 and dil5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx
from torch import Tensor, nn

from archwright.space import Arch, Choice, Ordinal
from archwright.supernet import Cell, ElasticConv2d, Entangled, Supernet
from archwright.zoo._inputs import check, image

OPERATIONS = ("sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5")
TYPES = ("normal", "reduce")
EDGES = ((0, 1), (0, 2), (1, 2))


def entangled_cell(
    *, in_channels: int = 1, classes: int = 10, image_size: int | None = 28, channels: int = 32
) -> Supernet:
    """The 4096 cells of TangleNAS over entangled weights; the defaults are the published network.

    Variables `normal.edge01`, `normal.edge02`, `normal.edge12` and the same of `reduce`, each one of `OPERATIONS`
    (`archwright.supernet.Entangled`).

    Args:
        in_channels: channels of the image.
        classes: number of outputs.
        image_size: height (= width) in pixels, 8 to 224.
        channels: width of a node in the first two cells (32).

    Raises:
        UserError: sizes out of range.
    """
    size = image("entangled-cell", image_size)
    check("entangled-cell", in_channels=in_channels, classes=classes, image_size=size, smallest=8, largest=224)
    module = _Network(in_channels, classes, size, channels)
    return Supernet(module, name="entangled-cell", input_shape=(in_channels, size, size), graph=graph)


class _Network(nn.Module):
    def __init__(self, in_channels: int, classes: int, size: int, channels: int) -> None:
        super().__init__()
        self.cells = nn.Sequential(
            *[_cell(in_channels, channels, reduce=True), nn.Dropout(0.2)],
            *[_cell(2 * channels, channels, reduce=False), nn.Dropout(0.2)],
            *[_cell(2 * channels, 2 * channels, reduce=True), nn.Dropout(0.2)],
        )
        side = -(-size // 4) // 2
        hidden = 4 * channels
        self.head = nn.Sequential(
            *[nn.MaxPool2d(2), nn.Flatten(), nn.Linear(hidden * side * side, hidden), nn.ReLU()],
            *[nn.Dropout(0.2), nn.Linear(hidden, classes)],
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cells(x))


def _cell(before: int, channels: int, *, reduce: bool) -> nn.Sequential:
    """The input brought to `channels`, then the cell, (N, 2 `channels`, ...)."""
    edges = {
        (i, j): Entangled(_choice(TYPES[reduce], i, j), _operations(channels, stride=2 if reduce and not i else 1))
        for i, j in EDGES
    }
    enter = [nn.ReLU(), nn.Conv2d(before, channels, 1, bias=False), nn.BatchNorm2d(channels, affine=False)]
    return nn.Sequential(*enter, Cell(edges, output="concat"))


def _choice(kind: str, i: int, j: int) -> Choice:
    return Choice(f"{kind}.edge{i}{j}", OPERATIONS)


def _operations(channels: int, *, stride: int) -> dict[str, tuple[nn.Module, int]]:
    sep = nn.Sequential(*_separable(channels, stride, dilation=1), *_separable(channels, 1, dilation=1))
    dil = nn.Sequential(*_separable(channels, stride, dilation=2))
    return {name: (sep if name.startswith("sep") else dil, int(name[-1])) for name in OPERATIONS}


def _separable(channels: int, stride: int, *, dilation: int) -> list[nn.Module]:
    kernel = Ordinal("kernel", (3, 5))
    return [
        nn.ReLU(),
        ElasticConv2d(channels, channels, kernel, stride=stride, dilation=dilation, groups="depthwise", bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels, affine=False),
    ]


def graph(arch: Mapping[str, Any] | Arch) -> nx.DiGraph:
    """Both cells with operations as nodes (attribute `op`), from `<type>.input` to `<type>.output`."""
    drawn = nx.DiGraph()
    for kind in TYPES:
        drawn.add_node(f"{kind}.input", op="input")
        drawn.add_node(f"{kind}.output", op="output")
        for i, j in EDGES:
            name = _choice(kind, i, j).name
            drawn.add_node(name, op=arch[name])
            drawn.add_edge(f"{kind}.input" if i == 0 else f"{kind}.edge0{i}", name)
            drawn.add_edge(name, f"{kind}.output")
    return drawn
