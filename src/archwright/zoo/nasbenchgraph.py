"""`nas-bench-graph`: the space of NAS-Bench-Graph (Qin et al. 2022, arXiv 2206.09166), exact.

Four computing nodes; node i+1 has the single input `link[i]` (0: the features after pre-processing) and the operation
`op[i]`; nodes that nobody reads are concatenated and go to the head. 24 link lists x 9^4 operations = 157 464
encodings, of which the 24 all-skip ones are no networks; the others are 26 206 different architectures.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from archwright.data.graphs import Graph
from archwright.errors import UserError, nearest
from archwright.space import Arch, Choice, Space
from archwright.supernet import Supernet
from archwright.train import GraphTrainer
from archwright.zoo.graph._neighbours import Neighbours
from archwright.zoo.graph._network import LAYERS, GraphNetwork
from archwright.zoo.graph._settings import SETTINGS, SIZES, GraphSettings
from archwright.zoo.graph._shared_network import SharedGraphNetwork

if TYPE_CHECKING:
    import networkx as nx

OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
PROTEINS_OPERATIONS = ("gcn", "sage", "arma", "fc", "skip")
LINKS = (
    (0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1, 1), (0, 0, 1, 2), (0, 0, 1, 3), (0, 1, 1, 1), (0, 1, 1, 2), (0, 1, 2, 2),
    (0, 1, 2, 3),
)  # fmt: skip
"""One link list for each of the nine trees; the first digit of a key is a position here."""

_SKIP = OPERATIONS.index("skip")
_NODES = range(4)

Links = tuple[int, int, int, int]


def space(operations: Sequence[str] = OPERATIONS) -> Space:
    """All encodings but the all-skip ones: 157 440, or 14 976 with the five operations of proteins.

    Args:
        operations: some of `OPERATIONS`.

    Raises:
        UserError: an unknown operation.
    """
    for operation in operations:
        if operation not in OPERATIONS:
            raise UserError(f"unknown operation {operation!r}{nearest(operation, OPERATIONS)}")
    links = [Choice(f"link{i}", tuple(range(i + 1))) for i in _NODES[1:]]
    ops = [Choice(f"op{i}", tuple(operations)) for i in _NODES]
    return Space([*links, *ops], where=computes, canonical=canonical, graph=graph, name="nas-bench-graph")


def computes(arch: Mapping[str, Any]) -> bool:
    """Whether at least one operation is not `skip`."""
    return any(arch[f"op{i}"] != "skip" for i in _NODES)


def architecture(link: Sequence[int], ops: Sequence[str]) -> Arch:
    """The architecture that the published code calls `Arch(link, ops)`.

    Raises:
        UserError: not four links and operations, a link to a later node, an unknown operation, or all skip.
    """
    if len(link) != 4 or len(ops) != 4 or link[0] != 0:
        raise UserError(f"an architecture has 4 links, the first of them 0, and 4 operations; got {link} and {ops}")
    values = {f"link{i}": link[i] for i in _NODES[1:]} | {f"op{i}": ops[i] for i in _NODES}
    return _SPACE.arch(values)


def links(arch: Mapping[str, Any]) -> Links:
    """The inputs of the four nodes."""
    return (0, int(arch["link1"]), int(arch["link2"]), int(arch["link3"]))


def operations(arch: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """The operations of the four nodes."""
    return (arch["op0"], arch["op1"], arch["op2"], arch["op3"])


def canonical(arch: Arch) -> Arch:
    """The architecture that stands in the tables for all those that are taken as equal to `arch`.

    A convention, not always equality of functions: a skip that is a leaf on the input is dropped.
    """
    return from_key(key(arch))


def key(arch: Mapping[str, Any]) -> int:
    """The key of the published tables, `Arch.valid_hash()`: five decimal digits m, o0, ..., o3 of the canonical form.

    88888, all skip, is in no table.
    """
    ops = tuple(OPERATIONS.index(operation) for operation in operations(arch))
    tree, order = _contracted(links(arch), tuple(op == _SKIP for op in ops))
    return _digits(tree, _sorted(tree, [_SKIP if node is None else ops[node] for node in order]))


def from_key(number: int) -> Arch:
    """The canonical architecture of a key of the tables.

    Raises:
        UserError: a digit out of range.
    """
    tree, *ops = (number // 10**place % 10 for place in (4, 3, 2, 1, 0))
    if not 0 <= number < 10**5 or tree >= len(LINKS) or max(ops) >= len(OPERATIONS):
        raise UserError(f"a key has five digits from 0 to 8, got {number}")
    values: dict[str, Any] = {f"link{i}": LINKS[tree][i] for i in _NODES[1:]}
    return Arch(values | {f"op{i}": OPERATIONS[ops[i]] for i in _NODES})


def _form(arch: Mapping[str, Any]) -> tuple[Links, list[str]]:
    """Links and operations of the canonical form."""
    tree, *ops = map(int, f"{key(arch):05d}")
    return LINKS[tree], [OPERATIONS[op] for op in ops]


def _digits(tree: int, ops: Sequence[int]) -> int:
    number = tree
    for op in ops:
        number = 10 * number + op
    return number


def _sorted(tree: int, ops: list[int]) -> list[int]:
    """Interchangeable siblings in the order of their operations."""
    if LINKS[tree] == (0, 0, 1, 2):
        a, b, c, d = ops
        return [b, a, d, c] if (a, c) > (b, d) else ops
    for positions in _INTERCHANGEABLE.get(LINKS[tree], ()):
        for position, op in zip(positions, sorted(ops[i] for i in positions)):
            ops[position] = op
    return ops


_INTERCHANGEABLE: dict[Links, tuple[tuple[int, ...], ...]] = {
    (0, 0, 0, 0): ((0, 1, 2, 3),),
    (0, 0, 0, 1): ((1, 2),),
    (0, 0, 1, 1): ((2, 3),),
    (0, 1, 1, 1): ((1, 2, 3),),
    (0, 1, 2, 2): ((2, 3),),
}


@cache
def _contracted(link: Links, skips: tuple[bool, ...]) -> tuple[int, tuple[int | None, ...]]:
    """Tree and, for each position in it, the node of the encoding whose operation stands there; None: a skip.

    Skips that join nothing else are moved, one after the other, to the front of the network.
    """
    tree, order = _relabelled(link)
    parents, nodes = list(LINKS[tree]), [None if skips[node] else node for node in order]
    for i in _NODES:
        if nodes[i] is None and _movable(i, parents, nodes):
            parents, nodes = _to_front(i, parents, nodes)
    tree, order = _relabelled(tuple(parents))
    return tree, tuple(nodes[node] for node in order)


def _movable(i: int, parents: list[int], nodes: list[int | None]) -> bool:
    if i + 1 in parents or parents.count(parents[i]) == 1:
        return True
    while nodes[i] is None and parents[i]:
        i = parents[i] - 1
    return nodes[i] is None


def _to_front(i: int, parents: list[int], nodes: list[int | None]) -> tuple[list[int], list[int | None]]:
    moved = [parents[i] if parent == i + 1 else parent for parent in parents]
    shifted = [parent + 1 if parent <= i else parent for parent in moved]
    return [0, *shifted[:i], *shifted[i + 1 :]], [nodes[i], *nodes[:i], *nodes[i + 1 :]]


@cache
def _relabelled(link: Links) -> tuple[int, tuple[int, ...]]:
    """Position in `LINKS` of the tree, and the node of `link` at each place of that list."""
    if link in LINKS:
        return LINKS.index(link), tuple(_NODES)
    for order in itertools.permutations(_NODES):
        place = {0: 0} | {node + 1: position + 1 for position, node in enumerate(order)}
        found = tuple(place[link[node]] for node in order)
        if found in LINKS:
            return LINKS.index(found), order
    raise AssertionError(f"{link} is no tree")  # the nine lists are all trees of five nodes


def network(arch: Mapping[str, Any], graph: Graph, settings: GraphSettings | None = None) -> GraphNetwork:
    """The network of the canonical form of `arch`, bound to a graph, with fresh weights.

    Args:
        arch: of the space.
        graph: its features (N, F) are the input; the output is (N, classes).
        settings: None: the published ones of the data set that the graph is named after.

    Raises:
        UserError: `arch` is not of the space, or a graph without published settings.
    """
    link, ops = _form(_SPACE.arch(arch))
    settings = published(graph.name) if settings is None else settings
    return GraphNetwork(
        link,
        ops,
        Neighbours(graph.edge_index, graph.nodes),
        features=graph.features,
        classes=graph.classes,
        width=settings.width,
        pre=settings.pre,
        post=settings.post,
        dropout=settings.dropout,
    )


def supernet(
    bound: Graph, settings: GraphSettings | None = None, *, operations: Sequence[str] = OPERATIONS
) -> Supernet:
    """All networks of the space over shared weights, bound to a graph; states are of one width.

    It differs from `network` in two ways: a linear layer always comes first, and nodes that others read go to the head
    as zeros. `net(graph.x, arch)` runs an encoding, `net.slice(arch)` cuts it out. Links must be decided, operations
    may be relaxed.

    Args:
        bound: its features (N, F) are the input; the output is (N, classes).
        settings: None: the published ones of the data set that the graph is named after.
        operations: some of `OPERATIONS`.

    Raises:
        UserError: an unknown operation, or a graph without published settings.
    """
    settings = published(bound.name) if settings is None else settings
    choices = [variable for variable in space(operations).variables if isinstance(variable, Choice)]
    neighbours, width = Neighbours(bound.edge_index, bound.nodes), settings.width
    module = SharedGraphNetwork(
        choices[:3],
        choices[3:],
        lambda operation: LAYERS[operation](width, width, neighbours),
        features=bound.features,
        classes=bound.classes,
        width=width,
        post=settings.post,
        dropout=settings.dropout,
    )
    return Supernet(
        module,
        name="nas-bench-graph",
        input_shape=(bound.features,),
        where=computes,
        canonical=canonical,
        graph=graph,
    )


def published(dataset: str) -> GraphSettings:
    """The settings behind the table of a data set.

    Raises:
        UserError: there is no such table.
    """
    if dataset not in SETTINGS:
        raise UserError(f"NAS-Bench-Graph has no settings for {dataset!r}{nearest(dataset, SETTINGS)}")
    return SETTINGS[dataset]


def trainer(dataset: str) -> GraphTrainer:
    """How the networks of a table were trained; best validation epoch, as `GraphTrainer` reports.

    Raises:
        UserError: there is no such table.
    """
    s = published(dataset)
    return GraphTrainer(epochs=s.epochs, optimizer=s.optimizer, lr=s.lr, weight_decay=s.weight_decay)


def parameters(arch: Mapping[str, Any], dataset: str) -> int:
    """Number of parameters of `arch` on a data set, in the way of the published table: unused ones count.

    Raises:
        UserError: `arch` is not of the space, or there is no such table.
    """
    settings = published(dataset)
    (features, classes), d = SIZES[dataset], settings.width
    link, ops = _form(arch if arch in _SPACE else _SPACE.arch(arch))
    sizes = [d if settings.pre else features]
    total = features * d + d if settings.pre else 0
    for parent, operation in zip(link, ops):
        i = sizes[parent]
        by_input, by_width, by_square = _WEIGHTS[operation]
        total += 2 * d + by_input * i * d + by_width * d + by_square * d * d
        sizes.append(i if operation == "skip" else d)
    joined = len(leaves(link)) * d
    return total + (joined * d + d + d * classes if settings.post else joined * classes) + classes


_WEIGHTS = {
    "gat": (1, 3, 0), "gcn": (1, 1, 0), "gin": (1, 1, 0), "cheb": (2, 1, 0), "sage": (2, 1, 0), "arma": (2, 1, 1),
    "graph": (2, 1, 0), "fc": (1, 1, 0), "skip": (0, 0, 0),
}  # fmt: skip
"""Parameters of an operation from I to D features, as multiples of I D, D and D^2."""


def graph(arch: Arch) -> nx.DiGraph:
    """Nodes `1` to `4` with their operations (attribute `op`), between `input` and `output`."""
    import networkx

    drawn = networkx.DiGraph()
    drawn.add_node("input", op="input")
    parents, ops = links(arch), operations(arch)
    for i in _NODES:
        drawn.add_node(str(i + 1), op=ops[i])
        drawn.add_edge(str(parents[i]) if parents[i] else "input", str(i + 1))
    drawn.add_node("output", op="output")
    for i in leaves(parents):
        drawn.add_edge(str(i + 1), "output")
    return drawn


def leaves(link: Sequence[int]) -> list[int]:
    """Positions of the nodes that nobody reads."""
    return [i for i in _NODES if i + 1 not in link]


_SPACE = space()
