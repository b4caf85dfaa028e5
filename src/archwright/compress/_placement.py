"""Which tensors of a quantised network are kept as integers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from torch import fx, nn

from archwright.compress._affine import Affine
from archwright.compress._operations import POINTWISE, clips, joins, moves, pools
from archwright.compress._quantised import Quantised
from archwright.compress._stored import BITS, Stored


@dataclasses.dataclass(eq=False)
class Place:
    """A tensor that is kept as integers.

    Args:
        node: gives it.
        everyone: whether all that read it read the integers, because what gives it works on integers.
        readers: (reader, what it reads: `node`, or what a movement of values makes of it).
        grids: what a reader has learned for itself.
        precise: whether a reader has no grid of its own, so that all 8 bits are wanted.
    """

    node: fx.Node
    everyone: bool
    readers: list[tuple[fx.Node, fx.Node]] = dataclasses.field(default_factory=list)
    grids: dict[fx.Node, Stored] = dataclasses.field(default_factory=dict)
    precise: bool = False

    def chosen(self) -> Stored | None:
        """The grid of the tensor among those of its readers; None: it needs one of its own."""
        distinct = list({g.key: g for g in self.grids.values()}.values())
        full = [g for g in distinct if g.full]
        if len(distinct) == 1 and (full or not self.precise):
            return distinct[0]
        return max(full, key=lambda g: float(g.scale)) if full else None

    @property
    def apart(self) -> bool:
        """Whether every reader keeps its own grid, as nothing needs a common one."""
        return not self.everyone and not self.precise


def ready(layer: Quantised) -> bool:
    """Whether a runtime computes it with 8-bit integers."""
    return all(isinstance(q, Affine) and q.bits <= BITS for q in (layer.weights, layer.inputs))


def called(graph: fx.GraphModule, node: fx.Node) -> Quantised | None:
    """The layer that a node calls, if a runtime computes it with integers."""
    layer = graph.get_submodule(str(node.target)) if node.op == "call_module" else None
    return layer if isinstance(layer, Quantised) and ready(layer) else None


def places(graph: fx.GraphModule) -> list[Place]:
    """In the order they run: the inputs of layers; what convolutions give; inputs and results of sums, products,
    concatenations and means whose inputs all come from convolutions or are kept as integers anyway, as in a residual
    network of convolutions. Sums of a transformer stay as they are.

    Values that are only moved (pooled by maximum, cut, padded by zeros, reshaped) are kept before the movement.

    Args:
        graph: from `quantize`.
    """
    whole = _integers(graph)
    found: dict[fx.Node, Place] = {}

    def wanted(value: fx.Node, reader: fx.Node | None, grid: Stored | None) -> None:
        start = value
        while moves(start) and isinstance(start.args[0], fx.Node):
            start = start.args[0]
        start = start if start in whole else value
        place = found.setdefault(start, Place(start, start in whole))
        if reader is None:
            return
        place.readers.append((reader, value))
        if grid is None:
            place.precise = True
        else:
            place.grids[reader] = grid

    for node in graph.graph.nodes:
        layer = called(graph, node)
        if layer is not None:
            assert isinstance(layer.inputs, Affine)
            wanted(node.args[0], node, Stored.of(layer.inputs))
        elif node in whole and _computes(node):
            for value in _read(node):
                wanted(value, node, None)
        if node in whole and (isinstance(layer, Quantised) or _computes(node)) and not _is_result(node):
            wanted(_end(node), None, None)
    order = {node: n for n, node in enumerate(graph.graph.nodes)}
    return sorted(found.values(), key=lambda place: order[place.node])


def _integers(graph: fx.GraphModule) -> set[fx.Node]:
    """What gives integers if its inputs are."""
    asked = {node.args[0] for node in graph.graph.nodes if called(graph, node) is not None}
    found: set[fx.Node] = set()
    for node in graph.graph.nodes:
        layer = called(graph, node)
        if layer is not None:
            passes = not isinstance(layer.layer, nn.Linear)  # a runtime gives its result as floats where that is wanted
        elif joins(node):
            passes = all(part in found or part in asked for part in joins(node))
        else:
            through = moves(node) or pools(node) or clips(node) is not None or node.target in POINTWISE
            passes = through and node.args[0] in found
        if passes:
            found.add(node)
    return found


def _computes(node: fx.Node) -> bool:
    return bool(joins(node)) or pools(node)


def _read(node: fx.Node) -> Iterator[fx.Node]:
    if joins(node):
        yield from joins(node)
    elif isinstance(node.args[0], fx.Node):
        yield node.args[0]


def _end(node: fx.Node) -> fx.Node:
    """After the ReLU that alone follows: clipping integers costs nothing."""
    while len(node.users) == 1 and clips(user := next(iter(node.users))) is not None:
        node = user
    return node


def _is_result(node: fx.Node, *, moved: bool = False) -> bool:
    """Of the network: a pooled result stays as it is."""
    if not (moved or pools(node)):
        return False
    return all(user.op == "output" or (moves(user) and _is_result(user, moved=True)) for user in node.users)
