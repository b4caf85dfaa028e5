"""Which edges the cells of a supernet have, and which of them every input choice keeps."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from archwright.supernet import Cell, OneOf, Supernet


@dataclasses.dataclass(frozen=True)
class Wiring:
    """Edges and input choices by name; cells of one type share both.

    Args:
        kept: input choice to, for each of its options, the edge choices that stay.
        edges: names of all choices that stand on an edge of a cell.
        layers: for every choice of operations, how many layers read it.
    """

    kept: Mapping[str, tuple[tuple[str, ...], ...]]
    edges: frozenset[str]
    layers: Mapping[str, int]

    @classmethod
    def of(cls, net: Supernet) -> Wiring:
        """Read from the module tree."""
        kept: dict[str, tuple[tuple[str, ...], ...]] = {}
        edges: set[str] = set()
        layers: dict[str, int] = {}
        for part in net.searchable():
            for variable in part.variables():
                layers[variable.name] = layers.get(variable.name, 0) + 1
            if isinstance(part, Cell):
                names = {key: m.choice.name for key, m in part.edges.items() if isinstance(m, OneOf)}
                edges.update(names.values())
                for node, choice in part.sources.items():
                    sources = [str(option).split("+") for option in choice.options]
                    stay = tuple(tuple(f"{i}-{node}" for i in option) for option in sources)
                    if all(key in names for option in stay for key in option):
                        kept[choice.name] = tuple(tuple(names[key] for key in option) for option in stay)
        return cls(kept, frozenset(edges), layers)

    def everything(self, choice: str) -> Tensor | None:
        """(options,) weights under which every edge into the node has weight one; None if there are none."""
        options = self.kept[choice]
        names = sorted({edge for option in options for edge in option})
        incidence = torch.tensor([[float(name in option) for option in options] for name in names])
        found = torch.linalg.lstsq(incidence, torch.ones(len(names), 1)).solution[:, 0]
        exact = torch.allclose(incidence @ found, torch.ones(len(names)), atol=1e-5)
        return found if exact else None
