"""`Cell`: a directed acyclic graph of edges."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Choice
from archwright.supernet._oneof import is_zero, mixture, total
from archwright.supernet._searchable import Condition, Searchable, Variable
from archwright.supernet._selection import Paths, concrete, decision

Output = Literal["last", "sum", "concat"]


class Cell(Searchable):
    """Nodes joined by edges: a node is the sum of its incoming edges, the output is the last node, or the sum or the
    concatenation (along axis 1) of all nodes that are not inputs.

    Args:
        edges: `(source, target)` to module, usually a `OneOf`; nodes 0 to `inputs - 1` are the inputs, targets follow.
        inputs: number of input tensors.
        output: `"last"`, `"sum"` or `"concat"`.
        sources: target node to a `Choice` of which edges it keeps; every option names its sources joined by `+`, as
            `"0+2"`. Under relaxation the edge from i has weight `sum of a_n over the options n that contain i`.

    Raises:
        UserError: a node without incoming edge, an edge against the order of nodes, an option that names a missing
            edge.
    """

    def __init__(
        self,
        edges: Mapping[tuple[int, int], nn.Module],
        *,
        inputs: int = 1,
        output: Output = "last",
        sources: Mapping[int, Choice] | None = None,
    ) -> None:
        super().__init__()
        self.edges = nn.ModuleDict({f"{i}-{j}": module for (i, j), module in edges.items()})
        self.inputs, self.output = inputs, output
        self.sources = dict(sources or {})
        self.targets = sorted({j for _, j in edges})
        self.incoming = {j: sorted(i for i, k in edges if k == j) for j in self.targets}
        self._kept = {j: {o: _named(o) for o in choice.options} for j, choice in self.sources.items()}
        self._check(edges)

    def _check(self, edges: Mapping[tuple[int, int], nn.Module]) -> None:
        expected = list(range(self.inputs, self.inputs + len(self.targets)))
        if self.targets != expected or any(not 0 <= i < j for i, j in edges):
            raise UserError(
                f"edges must run from earlier to later nodes and reach each of {expected}, got {sorted(edges)}"
            )
        for node, choice in self.sources.items():
            for option, kept in self._kept[node].items():
                missing = [i for i in kept if i not in self.incoming.get(node, ())]
                if missing:
                    raise UserError(
                        f"option {option!r} of {choice.name!r} names edges into node {node} that do not exist: "
                        f"{missing}"
                    )

    def variables(self) -> tuple[Variable, ...]:
        return tuple(self.sources[j] for j in self.targets if j in self.sources)

    def branches(self) -> Iterator[tuple[nn.Module, Condition]]:
        for j in self.targets:
            for i in self.incoming[j]:
                condition: Condition = {}
                if j in self.sources:
                    condition = {self.sources[j].name: tuple(o for o, kept in self._kept[j].items() if i in kept)}
                yield self.edges[f"{i}-{j}"], condition

    def forward(self, *inputs: Tensor) -> Tensor:
        nodes = list(inputs)
        for j in self.targets:
            nodes.append(self._node(j, nodes))
        return gather(nodes[self.inputs :], self.output)

    def _node(self, j: int, nodes: list[Tensor]) -> Tensor:
        weights = decision(self.sources[j]) if j in self.sources else None
        if not isinstance(weights, Tensor | Paths):
            kept = self.incoming[j] if j not in self.sources else self._kept[j][weights]
            return total([self.edges[f"{i}-{j}"](nodes[i]) for i in self._busy(j, kept)])
        options = list(self._kept[j].values())
        if isinstance(weights, Paths):
            options, weights = [options[i] for i in weights.indices], weights.used()
        sources = [i for i in self.incoming[j] if any(i in kept for kept in options)]
        shares = weights @ weights.new_tensor([[float(i in kept) for i in sources] for kept in options])
        edges = [self.edges[f"{i}-{j}"] for i in sources]
        return mixture(shares, [functools.partial(e, nodes[i]) for e, i in zip(edges, sources)], edges)

    def _busy(self, j: int, kept: list[int]) -> list[int]:
        """Of the sources of node j those whose edge is not `Zero`; the first if all are, for the shape."""
        return [i for i in kept if not is_zero(self.edges[f"{i}-{j}"])] or kept[:1]

    def plain(self) -> PlainCell:
        """The cell with the chosen operations; an edge that is `Zero` leaves unless its node has no other."""
        edges: dict[tuple[int, int], nn.Module] = {}
        for j in self.targets:
            kept = self._kept[j][concrete(self.sources[j])] if j in self.sources else self.incoming[j]
            edges |= {(i, j): self.edges[f"{i}-{j}"] for i in self._busy(j, kept)}
        return PlainCell(edges, self.inputs, self.output)


class PlainCell(nn.Module):
    """A cell without choices: what `Cell.plain` gives. Tracing it leaves only its edges."""

    def __init__(self, edges: Mapping[tuple[int, int], nn.Module], inputs: int, output: Output) -> None:
        super().__init__()
        self.edges = nn.ModuleDict({f"{i}-{j}": module for (i, j), module in edges.items()})
        self.wiring = sorted(edges, key=lambda e: (e[1], e[0]))
        self.inputs, self.output = inputs, output

    def forward(self, *inputs: Tensor) -> Tensor:
        nodes = list(inputs)
        for j in sorted({j for _, j in self.wiring}):
            nodes.append(total([self.edges[f"{i}-{k}"](nodes[i]) for i, k in self.wiring if k == j]))
        return gather(nodes[self.inputs :], self.output)


def gather(nodes: list[Tensor], output: Output) -> Tensor:
    """The output of a cell from its inner nodes."""
    if output == "last":
        return nodes[-1]
    return total(nodes) if output == "sum" else torch.cat(nodes, dim=1)


def _named(option: object) -> list[int]:
    """The sources that an option such as `"0+2"` names.

    Raises:
        UserError: not of that form, or a source twice.
    """
    parts = str(option).split("+")
    if not all(p.isdecimal() for p in parts) or len(set(parts)) < len(parts):
        raise UserError(f"an option of `sources` names different nodes joined by +, like '0+2', got {option!r}")
    return [int(p) for p in parts]
