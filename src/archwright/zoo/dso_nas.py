"""`dso-nas`: the dense blocks of DSO-NAS (Zhang, Huang, Wang 2018, arXiv 1811.01567), exact.

A block has M levels of four operations, of which any subset of the connections may stay: 124 connections of M = 4
levels. Stages of blocks, with a reduction block between them that has two connections. Blocks share one set of
connections (*share*: 2^124 blocks) or have one each (*full*).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import networkx as nx
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Arch, Choice
from archwright.supernet import DenseBlock, ElasticBatchNorm2d, Searchable, Supernet, living
from archwright.supernet._dense_block import IN, OUT, SWITCH, Connection, connected, scaled
from archwright.supernet._oneof import total
from archwright.supernet._searchable import Variable
from archwright.supernet._selection import concrete
from archwright.zoo._inputs import check, image

OPERATIONS = ("sep3", "sep5", "max", "avg")
REDUCTIONS = {"conv1": 1, "conv3": 3}
"""Connection of a reduction block to its kernel."""
_EPS = 2e-5


def dso_nas(
    *,
    in_channels: int = 3,
    classes: int = 10,
    image_size: int | None = 32,
    channels: int = 48,
    stages: int = 3,
    blocks: int = 8,
    levels: int = 4,
    share: bool = True,
) -> Supernet:
    """The space of DSO-NAS for small images; the defaults are the published search network.

    Variables `block.<source>-<target>` (with `share=False` `stage<s>.block<b>.<source>-<target>`), each `cut` or
    `kept`; operations are called as `sep3_1`, by their level, the ends of a block `in` and `out`. Those of reduction
    blocks are `reduce<s>.conv1` and `reduce<s>.conv3`, of which at least one is kept. The canonical form cuts what has
    no way from the input of its block to the output.

    Batch normalisation inside blocks has a fixed scale of one while searched, so that it cannot hide the size of a
    factor; in the networks that are taken out the scale is an ordinary parameter.

    Args:
        in_channels: channels of the image.
        classes: number of outputs.
        image_size: height (= width) in pixels, at least 2^(stages - 1).
        channels: width of the first stage (48); every reduction doubles it.
        stages: at least 1 (3).
        blocks: dense blocks a stage, at least 1 (8).
        levels: M of every block, at least 1 (4).
        share: whether all blocks have the same connections.

    Raises:
        UserError: sizes out of range.
    """
    size = image("dso-nas", image_size)
    if min(channels, stages, blocks, levels) < 1 or stages > 6:
        raise UserError(
            "dso-nas: channels, stages (at most 6), blocks and levels must be at least 1, got "
            f"{channels}, {stages}, {blocks} and {levels}"
        )
    check("dso-nas", in_channels=in_channels, classes=classes, image_size=size, smallest=2 ** (stages - 1))
    module = _Network(in_channels, classes, channels, stages, blocks, levels, share)
    shape = (in_channels, size, size)
    return Supernet(module, name="dso-nas", input_shape=shape, where=reduces, canonical=canonical, graph=graph)


class _Network(nn.Module):
    def __init__(
        self, in_channels: int, classes: int, width: int, stages: int, blocks: int, levels: int, share: bool
    ) -> None:
        super().__init__()
        stem = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.stem = nn.Sequential(stem, nn.BatchNorm2d(width, eps=_EPS), nn.ReLU())
        parts: list[nn.Module] = []
        for stage in range(1, stages + 1):
            for block in range(1, blocks + 1):
                name = "block" if share else f"stage{stage}.block{block}"
                parts.append(_block(name, width, levels, first=block == 1))
            if stage < stages:
                parts.append(Reduction(f"reduce{stage}", width, 2 * width))
                width *= 2
        self.parts = nn.Sequential(*parts)
        self.norm = nn.BatchNorm2d(width, eps=_EPS)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.parts(self.stem(x))))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


def _block(name: str, width: int, levels: int, *, first: bool) -> DenseBlock:
    nodes = [{f"{op}_{level}": _operation(op, width) for op in OPERATIONS} for level in range(1, levels + 1)]
    projections = {n: nn.Conv2d(width, width, 1, bias=False) for n in itertools.chain.from_iterable(nodes)}
    shortcut = _conv_norm_relu(width, width, 1) if first else nn.Identity()
    return DenseBlock(name, nodes, projections, norm=_norm(width), shortcut=shortcut)


def _operation(name: str, width: int) -> nn.Sequential:
    if name in ("max", "avg"):
        pool = nn.MaxPool2d(3, 1, 1) if name == "max" else nn.AvgPool2d(3, 1, 1)
        return nn.Sequential(pool, _norm(width), nn.ReLU())
    kernel = int(name[-1])
    depthwise = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width, bias=False)
    return nn.Sequential(depthwise, nn.Conv2d(width, width, 1, bias=False), _norm(width), nn.ReLU())


def _conv_norm_relu(before: int, after: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, _norm(after), nn.ReLU())


def _norm(width: int) -> ElasticBatchNorm2d:
    """Batch normalisation with a scale that stays at one; the layer cut from it has a scale that learns."""
    norm = ElasticBatchNorm2d(width, eps=_EPS)
    norm.weight.requires_grad_(False)
    return norm


class Reduction(Searchable):
    """The sum of two convolutions of stride 2, 1 x 1 and 3 x 3, each with a connection of its own.

    Args:
        name: of the block; the connections are `<name>.conv1` and `<name>.conv3`.
        before, after: channels.
    """

    def __init__(self, name: str, before: int, after: int) -> None:
        super().__init__()
        self.choices = {part: Choice(f"{name}.{part}", SWITCH) for part in REDUCTIONS}
        self.convolutions = nn.ModuleDict(
            {part: _conv_norm_relu(before, after, kernel, stride=2) for part, kernel in REDUCTIONS.items()}
        )

    def variables(self) -> tuple[Variable, ...]:
        return tuple(self.choices.values())

    def nothing(self) -> dict[str, tuple[str, ...]]:
        return {choice.name: (SWITCH[0],) for choice in self.choices.values()}

    def forward(self, x: Tensor) -> Tensor:
        found = {part: connected(choice) for part, choice in self.choices.items()}
        terms = [scaled(self.convolutions[part](x), factor) for part, factor in found.items() if factor is not None]
        return total(terms) if terms else self.convolutions["conv1"](x) * 0.0

    def plain(self) -> nn.Module:
        kept = [self.convolutions[part] for part, choice in self.choices.items() if concrete(choice) == SWITCH[1]]
        return _Sum(kept) if len(kept) > 1 else kept[0]


class _Sum(nn.Module):
    def __init__(self, parts: list[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        return total([part(x) for part in self.parts])


def reduces(arch: Mapping[str, Any]) -> bool:
    """Whether every reduction block keeps a connection; without any the network would be cut in two.

    It reads nothing but their connections, so that the space can be counted."""
    pairs = ([arch.get(f"reduce{stage}.{part}") for part in REDUCTIONS] for stage in itertools.count(1))
    return all(SWITCH[1] in pair for pair in itertools.takewhile(lambda pair: pair[0] is not None, pairs))


def kept(arch: Mapping[str, Any]) -> dict[str, list[Connection]]:
    """Of every set of connections, by the name of its blocks, those an architecture keeps, dead ones included."""
    found: dict[str, list[Connection]] = {}
    for name, value in arch.items():
        block, _, connection = name.rpartition(".")
        source, hyphen, target = connection.partition("-")
        if hyphen:
            found.setdefault(block, [])
            if value == SWITCH[1]:
                found[block].append((source, target))
    return found


def canonical(arch: Arch) -> Arch:
    """The same network without connections that have no way from the input of their block to its output."""
    alive = {
        f"{block}.{source}-{target}"
        for block, connections in kept(arch).items()
        for source, target in living(_ordered(connections), _FIRST)
    }
    return Arch({n: v if "-" not in n or n in alive else SWITCH[0] for n, v in arch.items()})


_FIRST = tuple(f"{operation}_1" for operation in OPERATIONS)


def _ordered(connections: list[Connection]) -> list[Connection]:
    """By the level of the target, those out of the block last, as `living` wants them."""
    return sorted(connections, key=lambda c: _level(c[1]))


def _level(node: str) -> float:
    return float("inf") if node == OUT else int(node.rpartition("_")[2])


def graph(arch: Arch) -> nx.DiGraph:
    """Every set of connections as a block, operations as nodes (attribute `op`) from `<block>.in` to `<block>.out`, and
    the reduction blocks."""
    drawn = nx.DiGraph()
    clean = canonical(arch)
    for block, connections in kept(clean).items():
        drawn.add_node(f"{block}.{IN}", op="input")
        for node in sorted({n for c in connections for n in c} - {IN, OUT}, key=_level):
            drawn.add_node(f"{block}.{node}", op=node.rpartition("_")[0])
            if _level(node) == 1:
                drawn.add_edge(f"{block}.{IN}", f"{block}.{node}")
        drawn.add_node(f"{block}.{OUT}", op="output")
        drawn.add_edge(f"{block}.{IN}", f"{block}.{OUT}")  # the shortcut
        drawn.add_edges_from((f"{block}.{s}", f"{block}.{t}") for s, t in connections)
    for name, value in clean.items():
        stage, _, part = name.rpartition(".")
        if part in REDUCTIONS and value == SWITCH[1]:
            drawn.add_node(name, op=part)
            drawn.add_node(f"{stage}.{OUT}", op="output")
            drawn.add_edge(name, f"{stage}.{OUT}")
    return drawn
