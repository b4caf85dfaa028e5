"""The body of `forward` from a flat graph: few statements, few names, nothing computed in another order."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Iterator

from torch import fx

from archwright.export._expression import expression, value
from archwright.export._layer import stateless

WIDTH = 100
DEPTH = 4  # operations in one statement
_VARIABLES = ("x", "y", "z", "u", "v", "w")


def forward(flat: fx.GraphModule) -> tuple[str, list[str]]:
    """Arguments of `forward` and its statements.

    A node is written inside its only user when nothing else happens between the two: the order of evaluation, which
    matters for in-place layers and dropout, is that of the graph. A variable is used again once its value is dead.
    """
    body = _Body(flat)
    return body.signature(), list(body.statements())


class _Body:
    def __init__(self, flat: fx.GraphModule) -> None:
        self._flat = flat
        self._nodes = [node for node in flat.graph.nodes if node.op != "get_attr"]
        self._position = {node: i for i, node in enumerate(self._nodes)}
        self._inlined: set[fx.Node] = set()
        self._parts: dict[fx.Node, list[fx.Node]] = {}  # nodes of the expression that ends at the node, in order
        for node in self._nodes:
            self._absorb(node)
        inputs = [node for node in self._nodes if node.op == "placeholder"]
        self._name = {node: "x" if len(inputs) == 1 else str(node.target) for node in inputs}

    def signature(self) -> str:
        """`x: Tensor`."""
        arguments = []
        for node, name in self._name.items():
            default = f" = {value(node.args[0], self._text)}" if node.args else ""
            arguments.append(f"{name}: Tensor{default}")
        return ", ".join(arguments)

    def statements(self) -> Iterator[str]:
        """Assignments in the order of the graph, then `return`."""
        roots = [n for n in self._nodes if n not in self._inlined and n.op != "placeholder"]
        reads = {root: self._reads(root) for root in roots}
        last = {node: i for i, root in enumerate(roots) for node in reads[root]}
        live = {name for node, name in self._name.items() if node in last}
        for i, root in enumerate(roots):
            if root.op == "output":
                yield f"return {value(root.args[0], self._text)}"
                continue
            text = expression(root, self._text)
            live -= {self._name[node] for node in reads[root] if last[node] == i}
            if root.users:
                self._name[root] = next(name for name in _variables() if name not in live)
                live.add(self._name[root])
                text = f"{self._name[root]} = {text}"
            yield text

    def _absorb(self, node: fx.Node) -> None:
        """Write arguments into the expression of `node`, from the last to the first, while they end right before it."""
        self._parts[node] = [node]
        for argument in reversed(node.all_input_nodes):
            if argument.op in ("get_attr", "placeholder") or len(argument.users) != 1:
                continue
            adjacent = self._position[argument] == self._position[self._parts[node][0]] - 1
            if adjacent and self._reads_well(argument, node):
                self._inlined.add(argument)
                self._parts[node] = self._parts[argument] + self._parts[node]

    def _reads_well(self, argument: fx.Node, node: fx.Node) -> bool:
        """Short, at most one layer with a weight matrix, of one block, and each argument written once."""
        parts = self._parts[argument] + self._parts[node]
        if _count(node, argument) != 1 or sum(part.op != "output" and not _is_access(part) for part in parts) > DEPTH:
            return False
        if self._is_weight(node) and not (argument.op == "call_module" and not self._is_weight(argument)):
            return False
        if len({block for block in map(self._block, parts) if block}) > 1 or sum(map(self._is_weight, parts)) > 1:
            return False
        self._inlined.add(argument)
        text = value(node.args, self._draft) if node.op == "output" else expression(node, self._draft)
        self._inlined.discard(argument)
        return len(text) <= WIDTH

    def _draft(self, node: fx.Node) -> str:
        return expression(node, self._draft) if node in self._inlined or node.op == "get_attr" else "x"

    def _text(self, node: fx.Node) -> str:
        return expression(node, self._text) if node in self._inlined or node.op == "get_attr" else self._name[node]

    def _reads(self, root: fx.Node) -> set[fx.Node]:
        """Variables that the statement of `root` reads."""
        parts = set(self._parts[root])
        return {a for part in parts for a in part.all_input_nodes if a not in parts and a.op != "get_attr"}

    def _block(self, node: fx.Node) -> str:
        """What `blocks_3_conv` belongs to: `blocks_3`; stateless layers belong to any."""
        if node.op != "call_module" or stateless(self._flat.get_submodule(str(node.target))):
            return ""
        return str(node.target).rpartition("_")[0]

    def _is_weight(self, node: fx.Node) -> bool:
        """A convolution, a linear map, an embedding: something with a matrix."""
        if node.op != "call_module":
            return False
        return any(p.dim() > 1 for p in self._flat.get_submodule(str(node.target)).parameters())


def _is_access(node: fx.Node) -> bool:
    """`x.shape[0]`, `x.size(0)`: no operation of its own."""
    if node.op == "call_function":
        return node.target in (builtins.getattr, operator.getitem)
    return node.op == "call_method" and node.target in ("size", "dim")


def _count(node: fx.Node, argument: fx.Node) -> int:
    """How often `argument` stands among the arguments of `node`."""
    found = []
    fx.node.map_arg((node.args, node.kwargs), lambda a: found.append(a) if a is argument else None)
    return len(found)


def _variables() -> Iterator[str]:
    yield from _VARIABLES
    n = len(_VARIABLES)
    while True:
        n += 1
        yield f"t{n}"
