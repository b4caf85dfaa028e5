"""`darts`: the cell space of DARTS for images (Liu, Simonyan, Yang 2019, arXiv 1806.09055), exact.

A cell has two inputs (the outputs of the two cells before) and four inner nodes; each keeps two of its incoming edges
with one of seven operations on each; the output is the concatenation of the inner nodes. Cells are normal or, at one
and two thirds of the network, reducing: 1 037 664 180 cells of each type.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Arch, Choice
from archwright.supernet import Cell, OneOf, Supernet
from archwright.zoo._inputs import check, image

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
NOISE = "noise"
"""Operation of the space S4 (`darts_subsets`), standard Gaussian noise of the shape of the edge."""
TYPES = ("normal", "reduce")
NODES = (2, 3, 4, 5)

Operations = Mapping[str, Mapping[tuple[int, int], Sequence[str]]]
"""Cell type to edge (from, to) to operations."""

Genotype = dict[str, list[tuple[str, int]]]
"""`{"normal": [(operation, predecessor), ...], "reduce": ...}`, two entries a node in order."""


def darts(
    *, in_channels: int = 3, classes: int = 10, image_size: int | None = 32, channels: int = 16, layers: int = 8
) -> Supernet:
    """The DARTS cell space over shared weights; the defaults are the published search network.

    Args:
        in_channels: channels of the image.
        classes: number of outputs.
        image_size: height (= width) in pixels, at least 8.
        channels: C, channels of a node in the first cells (16).
        layers: L, number of cells (8); those at L // 3 and 2 L // 3 reduce.

    Raises:
        UserError: sizes out of range.
    """
    size = image("darts", image_size)
    edges = {kind: dict.fromkeys(_edges(), OPERATIONS) for kind in TYPES}
    return cells("darts", edges, in_channels=in_channels, classes=classes, size=size, channels=channels, layers=layers)


def cells(
    name: str, operations: Operations, *, in_channels: int, classes: int, size: int, channels: int, layers: int
) -> Supernet:
    """The network of `darts` with operations of one's choice on every edge.

    Args:
        name: of the space.
        operations: cell type to edge to names of operations, at least two an edge; besides `OPERATIONS` there is
            `noise`.
        in_channels, classes, size, channels, layers: as in `darts`.

    Raises:
        UserError: sizes out of range.
    """
    check(name, in_channels=in_channels, classes=classes, image_size=size, smallest=8)
    if layers < 3:
        raise UserError(f"{name}: layers must be at least 3 (two of them reduce), got {layers}")
    module = _Network(operations, in_channels, classes, channels, layers)
    return Supernet(module, name=name, input_shape=(in_channels, size, size), graph=graph)


class _Network(nn.Module):
    def __init__(self, operations: Operations, in_channels: int, classes: int, channels: int, layers: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, 3 * channels, 3, padding=1, bias=False), nn.BatchNorm2d(3 * channels)
        )
        before, last, reduced = 3 * channels, 3 * channels, False
        cells = []
        for layer in range(layers):
            reduce = layer in (layers // 3, 2 * layers // 3)
            channels = 2 * channels if reduce else channels
            chosen = operations[TYPES[reduce]]
            cells.append(_Layer(chosen, before, last, channels, reduce=reduce, reduced=reduced))
            before, last, reduced = last, 4 * channels, reduce
        self.cells = nn.ModuleList(cells)
        self.head = nn.Linear(last, classes)

    def forward(self, x: Tensor) -> Tensor:
        before = last = self.stem(x)
        for cell in self.cells:
            before, last = last, cell(before, last)
        return self.head(F.adaptive_avg_pool2d(last, 1).flatten(1))


class _Layer(nn.Module):
    """Both inputs brought to C channels, then the cell."""

    def __init__(
        self,
        operations: Mapping[tuple[int, int], Sequence[str]],
        before: int,
        last: int,
        channels: int,
        *,
        reduce: bool,
        reduced: bool,
    ) -> None:
        super().__init__()
        self.before = _FactorizedReduce(before, channels) if reduced else _relu_conv_norm(before, channels)
        self.last = _relu_conv_norm(last, channels)
        kind = TYPES[reduce]
        edges: dict[tuple[int, int], nn.Module] = {}
        for i, j in _edges():
            stride = 2 if reduce and i < 2 else 1
            options = {op: _operation(op, channels, stride=stride) for op in operations[i, j]}
            edges[i, j] = OneOf(Choice(f"{kind}.edge{i}{j}", tuple(options)), options)
        self.cell = Cell(edges, inputs=2, output="concat", sources={j: _sources_choice(kind, j) for j in NODES[1:]})

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        return self.cell(self.before(before), self.last(last))


def _edges() -> list[tuple[int, int]]:
    return [(i, j) for j in NODES for i in range(j)]


def _sources_choice(kind: str, j: int) -> Choice:
    return Choice(f"{kind}.sources{j}", tuple(f"{a}+{b}" for a, b in itertools.combinations(range(j), 2)))


def _operation(name: str, channels: int, *, stride: int, affine: bool = False) -> nn.Module:
    """One candidate of an edge; batch normalisation has no scale and shift during search.

    With them, `affine`, it is that of an evaluation network, where pools are not normalised.
    """
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else _FactorizedReduce(channels, channels, affine=affine)
    if name == NOISE:
        return Noise(stride)
    kernel = int(name[-1])
    if name.endswith("pool_3x3"):
        pool = (
            nn.MaxPool2d(3, stride, 1)
            if name.startswith("max")
            else nn.AvgPool2d(3, stride, 1, count_include_pad=False)
        )
        return pool if affine else nn.Sequential(pool, nn.BatchNorm2d(channels, affine=False))
    if name.startswith("dil"):
        return nn.Sequential(*_separable(channels, kernel, stride, dilation=2, affine=affine))
    both = (_separable(channels, kernel, s, affine=affine) for s in (stride, 1))
    return nn.Sequential(*itertools.chain.from_iterable(both))


def _separable(channels: int, kernel: int, stride: int, *, dilation: int = 1, affine: bool = False) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels, affine=affine),
    ]


def _relu_conv_norm(before: int, after: int, *, affine: bool = False) -> nn.Sequential:
    return nn.Sequential(nn.ReLU(), nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after, affine=affine))


class _FactorizedReduce(nn.Module):
    """ReLU, two 1 x 1 convolutions of stride 2 (the second on the image shifted by one pixel) concatenated,
    normalised."""

    def __init__(self, before: int, after: int, *, affine: bool = False) -> None:
        super().__init__()
        self.even = nn.Conv2d(before, after // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(before, after - after // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(after, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x)
        shifted = F.pad(x[:, :, 1:, 1:], (0, 1, 0, 1))  # an odd side keeps its last row, so both halves have one size
        return self.norm(torch.cat([self.even(x), self.odd(shifted)], dim=1))


class Noise(nn.Module):
    """Standard Gaussian noise of the shape of the input, every `stride`-th pixel of it; in eval mode its mean, zero, so
    that the answer of a network is a function of its input.

    A dropout layer tells the modes apart, (d - 1)^2 with d of 0 or 2 in training and 1 in eval mode: so the network is
    one graph in both and can be traced and exported like any other.
    """

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.mode = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        return (self.mode(x.new_ones(1)) - 1.0).square() * torch.randn_like(x)


def genotype(arch: Mapping[str, Any]) -> Genotype:
    """The published form: two (operation, predecessor) pairs a node, predecessors ascending."""
    out: Genotype = {}
    for kind in TYPES:
        pairs: list[tuple[str, int]] = []
        for j in NODES:
            sources = (0, 1) if j == NODES[0] else tuple(int(i) for i in arch[f"{kind}.sources{j}"].split("+"))
            pairs.extend((arch[f"{kind}.edge{i}{j}"], i) for i in sources)
        out[kind] = pairs
    return out


def from_genotype(genotype: Mapping[str, Sequence[tuple[str, int]]]) -> Arch:
    """The architecture of a genotype; entries after `normal` and `reduce` are ignored.

    Raises:
        UserError: not eight pairs, an unknown operation, or a predecessor that a node does not have.
    """
    values: dict[str, str] = {}
    for kind in TYPES:
        pairs = list(genotype[kind])
        if len(pairs) != 2 * len(NODES):
            raise UserError(f"a genotype has {2 * len(NODES)} pairs a cell, {kind!r} has {len(pairs)}")
        for j, node in zip(NODES, zip(pairs[::2], pairs[1::2])):
            sources = sorted(i for _, i in node)
            if (
                len(set(sources)) != 2
                or sources[0] < 0
                or sources[1] >= j
                or any(op not in (*OPERATIONS, NOISE) for op, _ in node)
            ):
                raise UserError(
                    f"node {j} of {kind!r} needs two different predecessors below {j} and operations among "
                    f"{OPERATIONS}, got {node}"
                )
            if j != NODES[0]:
                values[f"{kind}.sources{j}"] = f"{sources[0]}+{sources[1]}"
            values.update({f"{kind}.edge{i}{j}": op for op, i in node})
    return Arch(values)


def graph(arch: Arch) -> nx.DiGraph:
    """Both cells with operations as nodes (attribute `op`), from `<type>.input0/1` to `<type>.output`."""
    drawn = nx.DiGraph()
    for kind, pairs in genotype(arch).items():
        drawn.add_nodes_from((f"{kind}.input{i}", {"op": "input"}) for i in (0, 1))
        drawn.add_node(f"{kind}.output", op="output")
        into: dict[int, list[str]] = {}
        for n, (operation, i) in enumerate(pairs):
            here = f"{kind}.op{n}"
            drawn.add_node(here, op=operation)
            for source in [f"{kind}.input{i}"] if i < 2 else into[i]:
                drawn.add_edge(source, here)
            drawn.add_edge(here, f"{kind}.output")
            into.setdefault(NODES[n // 2], []).append(here)
    return drawn
