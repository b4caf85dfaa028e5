"""`Graph`: one graph with features, labels and three sets of nodes."""

from __future__ import annotations

import dataclasses
import warnings

import torch
from torch import Tensor

from archwright.errors import UserError

PARTS = ("train", "valid", "test")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """A graph for node classification: N nodes with F features, E directed edges.

    Args:
        name: for reports.
        x: features (N, F) float32, dense or sparse CSR.
        edge_index: (2, E) int64, source above target; an undirected edge stands twice, self-loops not at all.
        y: classes (N,) int64; -1 for a node without label, which is then in none of the sets.
        classes: number of classes.
        train, valid, test: (N,) bool, disjoint; nodes may be in none.
        fingerprint: sha256 hex of features, edges and labels.
        seed: of the split; None for a published one.

    Raises:
        UserError: shapes that do not fit, nodes out of range, overlapping sets, unlabelled nodes in a set.
    """

    name: str
    x: Tensor
    edge_index: Tensor
    y: Tensor
    classes: int
    train: Tensor
    valid: Tensor
    test: Tensor
    fingerprint: str = ""
    seed: int | None = None

    def __post_init__(self) -> None:
        n = len(self.y)
        if self.x.ndim != 2 or self.x.shape[0] != n:
            raise UserError(f"graph {self.name!r} has {n} labels but features of shape {tuple(self.x.shape)}")
        edges = self.edge_index
        if edges.ndim != 2 or edges.shape[0] != 2 or edges.dtype != torch.int64:
            raise UserError(f"edge_index must be int64 of shape (2, E), got {edges.dtype} {tuple(edges.shape)}")
        if edges.numel() and not 0 <= int(edges.min()) <= int(edges.max()) < n:
            raise UserError(f"edge_index names nodes {int(edges.min())} to {int(edges.max())}, but there are {n} nodes")
        if n and not -1 <= int(self.y.min()) <= int(self.y.max()) < self.classes:
            raise UserError(f"labels must be -1 to {self.classes - 1}, got {int(self.y.min())} to {int(self.y.max())}")
        self._check_parts(n)

    def _check_parts(self, n: int) -> None:
        for part in PARTS:
            mask = getattr(self, part)
            if mask.dtype != torch.bool or mask.shape != (n,):
                raise UserError(f"{part} must be bool of shape ({n},), got {mask.dtype} {tuple(mask.shape)}")
            if bool((self.y[mask] < 0).any()):
                raise UserError(f"{part} of graph {self.name!r} holds nodes without a label")
        if bool((self.train & self.valid | self.train & self.test | self.valid & self.test).any()):
            raise UserError(f"train, valid and test of graph {self.name!r} overlap")

    @property
    def nodes(self) -> int:
        """N."""
        return len(self.y)

    @property
    def features(self) -> int:
        """F."""
        return int(self.x.shape[1])

    def __repr__(self) -> str:
        parts = ", ".join(f"{int(getattr(self, part).sum())} {part}" for part in PARTS)
        return (
            f"Graph({self.name!r}: {self.nodes} nodes, {self.edge_index.shape[1]} directed edges, "
            f"{self.features} features, {self.classes} classes; {parts})"
        )


def sparse_rows(indptr: Tensor, indices: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """A CSR matrix, without torch's remark that these are new."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(indptr, indices, values, shape, check_invariants=True)
