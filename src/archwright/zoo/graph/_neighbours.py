"""`Neighbours`: the sums over neighbours that graph layers take, as sparse matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

Kind = Literal["sum", "mean", "symmetric", "gcn"]


class Neighbours:
    """The edges of one graph and the matrices made of them.

    `sum` A; `mean` D^-1 A; `symmetric` D^-1/2 A D^-1/2; `gcn` the same of A + I (Kipf and Welling 2017). Rows are
    targets, columns sources. Each matrix is made once for each device; copies share them.

    Args:
        edge_index: (2, E) int64, source above target, without self-loops.
        nodes: N.
    """

    def __init__(self, edge_index: Tensor, nodes: int) -> None:
        self.edge_index, self.nodes = edge_index, nodes
        self._made: dict[tuple[str, torch.device], Tensor] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Neighbours:
        return self

    def matrix(self, kind: Kind, like: Tensor) -> Tensor:
        """(N, N) sparse, on the device and of the type of `like`."""
        return self._cached(f"{kind} {like.dtype}", like.device, lambda: self._matrix(kind).to(like))

    def with_loops(self, device: torch.device) -> Tensor:
        """(2, E + N) edges with self-loops, sorted by target."""
        return self._cached("loops", device, lambda: self._looped().to(device))

    def starts(self, device: torch.device) -> Tensor:
        """(N,) positions in `with_loops` of the first edge of each target."""
        return self._cached("starts", device, lambda: self._starts().to(device))

    def _looped(self) -> Tensor:
        loops = torch.arange(self.nodes, device=self.edge_index.device).expand(2, -1)
        edges = torch.cat([self.edge_index, loops], 1)
        return edges[:, edges[1].argsort(stable=True)]

    def _starts(self) -> Tensor:
        count = torch.bincount(self._looped()[1], minlength=self.nodes)
        return count.cumsum(0) - count

    def _cached(self, name: str, device: torch.device, make: Callable[[], Tensor]) -> Tensor:
        if (name, device) not in self._made:
            self._made[name, device] = make()
        return self._made[name, device]

    def _matrix(self, kind: Kind) -> Tensor:
        edges = self.with_loops(self.edge_index.device) if kind == "gcn" else self.edge_index
        source, target = edges
        degree = torch.bincount(target, minlength=self.nodes).double()
        if kind == "sum":
            weight = torch.ones(len(source), dtype=torch.float64)
        elif kind == "mean":
            weight = 1 / degree[target]
        else:
            weight = (degree[source] * degree[target]).rsqrt()
        shape = (self.nodes, self.nodes)
        return torch.sparse_coo_tensor(edges.flip(0), weight, shape, check_invariants=True).coalesce()
