"""`GraphNetwork`: message passing on the graphs of architectures."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import networkx as nx
import torch
from torch import Tensor, nn

from archwright.estimate.predict._networks import Ensemble, Layer
from archwright.space import Arch


class GraphNetwork(Ensemble):
    """Ensemble of graph networks on `space.graph(arch)`, whose nodes are known by their `op`.

    Three rounds of message passing along and against the edges, h' = ReLU(W_0 h + W_1 A h + W_2 A^T h) with the
    neighbours' mean, as in the predictors of Wen et al. (Neural predictor, ECCV 2020); the sum over the nodes is the
    architecture. An `op` that was not among the examples is a node without features. Arguments as `Ensemble`.
    """

    _vocabulary: Mapping[str, int] = {}

    def _input(self, archs: list[Arch], *, learning: bool) -> tuple[Tensor, ...]:
        graphs = [self.space.graph(arch) for arch in archs]
        if learning:
            labels = sorted({str(op) for graph in graphs for _, op in graph.nodes(data="op")})
            self._vocabulary = {label: i for i, label in enumerate(labels)}
        return _dense(graphs, self._vocabulary)

    def _network(self) -> nn.Module:
        return _MessagePassing(self.members, len(self._vocabulary), self.width)


class _Round(nn.Module):
    """h' = ReLU(W_0 h + W_1 A h + W_2 A^T h) on the nodes that exist."""

    def __init__(self, members: int, before: int, after: int) -> None:
        super().__init__()
        self.own, self.against, self.along = (Layer(members, before, after) for _ in range(3))

    def forward(self, h: Tensor, a_NVV: Tensor, b_NVV: Tensor, mask_NV: Tensor) -> Tensor:
        total = self.own(_flat(h)) + self.against(_flat(a_NVV @ h)) + self.along(_flat(b_NVV @ h))
        return torch.relu(total).reshape(total.shape[0], *mask_NV.shape, -1) * mask_NV[..., None]


class _MessagePassing(nn.Module):
    def __init__(self, members: int, labels: int, width: int, rounds: int = 3) -> None:
        super().__init__()
        sizes = itertools.pairwise([labels] + [width] * rounds)
        self.rounds = nn.ModuleList(_Round(members, before, after) for before, after in sizes)
        self.out = Layer(members, width, 1)

    def forward(self, h_NVF: Tensor, a_NVV: Tensor, b_NVV: Tensor, mask_NV: Tensor) -> Tensor:
        """Labels, means over predecessors and successors, which nodes exist -> (M, N)."""
        h_MNVF = h_NVF
        for step in self.rounds:
            h_MNVF = step(h_MNVF, a_NVV, b_NVV, mask_NV)
        pooled_MNF = h_MNVF.sum(2) / mask_NV.sum(1)[:, None].sqrt()
        return self.out(pooled_MNF).squeeze(-1)


def _flat(h: Tensor) -> Tensor:
    """(..., N, V, F) -> (..., N * V, F)."""
    return h.flatten(-3, -2)


def _dense(graphs: list[nx.DiGraph[Any]], vocabulary: Mapping[str, int]) -> tuple[Tensor, ...]:
    """One-hot labels (N, V, F), row-normalised adjacency against and along the edges (N, V, V), existence (N, V)."""
    n, v = len(graphs), max(map(len, graphs))
    labels, edges, mask = torch.zeros(n, v, len(vocabulary)), torch.zeros(n, v, v), torch.zeros(n, v)
    for i, graph in enumerate(graphs):
        places = {node: k for k, node in enumerate(graph.nodes)}
        mask[i, : len(graph)] = 1.0
        for node, op in graph.nodes(data="op"):
            if str(op) in vocabulary:
                labels[i, places[node], vocabulary[str(op)]] = 1.0
        for a, b in graph.edges:
            edges[i, places[b], places[a]] = 1.0
    along = edges.transpose(1, 2)
    return labels, _rows(edges), _rows(along), mask


def _rows(edges: Tensor) -> Tensor:
    return edges / edges.sum(-1, keepdim=True).clamp(min=1.0)
