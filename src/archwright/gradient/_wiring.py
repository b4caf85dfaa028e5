"""Which edges the cells of a supernet have, and which of them every input choice keeps."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.supernet import Cell, Entangled, OneOf, Supernet


@dataclasses.dataclass(frozen=True)
class Wiring:
    """Edges and input choices by name; cells of one type share both.

    Args:
        kept: input choice to, for each of its options, the edge choices that stay.
        edges: names of all choices that stand on an edge of a cell.
        layers: for every choice of operations, how many layers read it.
        nothing: variable to those of its options under which no layer adds anything.
    """

    kept: Mapping[str, tuple[tuple[str, ...], ...]]
    edges: frozenset[str]
    layers: Mapping[str, int]
    nothing: Mapping[str, frozenset[Any]]

    @classmethod
    def of(cls, net: Supernet) -> Wiring:
        """Read from the module tree."""
        kept: dict[str, tuple[tuple[str, ...], ...]] = {}
        edges: set[str] = set()
        layers: dict[str, int] = {}
        nothing: dict[str, frozenset[Any]] = {}
        for part in net.searchable():
            for variable in part.variables():
                layers[variable.name] = layers.get(variable.name, 0) + 1
                empty = frozenset(part.nothing().get(variable.name, ()))
                nothing[variable.name] = nothing.get(variable.name, empty) & empty
            if isinstance(part, Cell):
                names = {key: m.choice.name for key, m in part.edges.items() if isinstance(m, OneOf | Entangled)}
                edges.update(names.values())
                for node, choice in part.sources.items():
                    sources = [str(option).split("+") for option in choice.options]
                    stay = tuple(tuple(f"{i}-{node}" for i in option) for option in sources)
                    if all(key in names for option in stay for key in option):
                        kept[choice.name] = tuple(tuple(names[key] for key in option) for option in stay)
        return cls(kept, frozenset(edges), layers, nothing)

    def everything(self, choice: str) -> Tensor | None:
        """(options,) weights under which every edge into the node has weight one; None if there are none."""
        edges = sorted({edge for option in self.kept[choice] for edge in option})
        try:
            return self.keeping(choice, edges)
        except UserError:
            return None

    def keeping(self, choice: str, edges: Sequence[str]) -> Tensor:
        """(options,) weights under which the named edges into the node have weight one, and the others none.

        Only options within `edges` count, all alike: an edge is in C(m - 1, k - 1) of the subsets of size k of m edges.

        Raises:
            UserError: no equal weights do it.
        """
        inside = torch.tensor([float(set(option) <= set(edges)) for option in self.kept[choice]])
        times = {sum(n for n, option in zip(inside.tolist(), self.kept[choice]) if edge in option) for edge in edges}
        if len(times) != 1 or 0.0 in times:
            raise UserError(f"no weights over the options of {choice!r} give each of {list(edges)} the weight one")
        return inside / times.pop()
