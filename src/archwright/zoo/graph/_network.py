"""The network of NAS-Bench-Graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.zoo.graph._layers import ARMA, GAT, GCN, GIN, KGNN, SAGE, Cheb, Dropout, FullyConnected
from archwright.zoo.graph._neighbours import Neighbours

LAYERS: dict[str, Callable[[int, int, Neighbours], nn.Module]] = {
    "gat": GAT,
    "gcn": GCN,
    "gin": GIN,
    "cheb": Cheb,
    "sage": SAGE,
    "arma": ARMA,
    "graph": KGNN,
    "fc": lambda inputs, outputs, neighbours: FullyConnected(inputs, outputs),
    "skip": lambda inputs, outputs, neighbours: nn.Identity(),
}


class GraphNetwork(nn.Module):
    """Dropout [-> linear] -> four nodes -> leaves, concatenated -> ReLU [-> linear] -> linear.

    A node normalises what it reads (batch normalisation, ReLU, dropout) and applies its operation. A node that reads
    the features themselves, directly or through skips and without a layer before, takes them as they are.

    Args:
        link: input of each of the four nodes; 0 is the input of all.
        operations: of the four nodes.
        neighbours: of the graph.
        features: F.
        classes: K.
        width: D.
        pre: whether a linear layer to D comes first.
        post: whether a linear layer to D comes before the last one.
        dropout: share of features dropped at the input and by each node.
    """

    def __init__(
        self,
        link: Sequence[int],
        operations: Sequence[str],
        neighbours: Neighbours,
        *,
        features: int,
        classes: int,
        width: int,
        pre: bool,
        post: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.link = tuple(link)
        self.leaves = tuple(i for i in range(len(self.link) + 1) if i not in self.link)
        self.drop = Dropout(dropout)
        self.pre = FullyConnected(features, width) if pre else nn.Identity()
        raw, nodes = [not pre], []
        for parent, operation in zip(self.link, operations, strict=True):
            layer = LAYERS[operation](features if raw[parent] else width, width, neighbours)
            nodes.append(Node(layer, width, dropout, normalised=not raw[parent]))
            raw.append(raw[parent] and operation == "skip")
        self.nodes = nn.ModuleList(nodes)
        hidden = width if post else classes
        self.post = nn.Linear(len(self.leaves) * width, hidden)
        self.head = nn.Linear(hidden, classes) if post else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, F), dense or CSR, to logits (N, K)."""
        states = [self.pre(self.drop(x))]
        for parent, node in zip(self.link, self.nodes, strict=True):
            states.append(node(states[parent]))
        joined = torch.cat([states[i] for i in self.leaves], 1)
        return self._logits(F.relu(joined))

    def _logits(self, joined: Tensor) -> Tensor:
        if isinstance(self.head, nn.Identity):
            return self.post(joined)
        weight = self.head.weight @ self.post.weight  # nothing between the two: multiplied before they meet the nodes
        return F.linear(joined, weight, F.linear(self.post.bias, self.head.weight, self.head.bias))


class Node(nn.Module):
    """[Batch normalisation, ReLU, dropout and then] an operation.

    The normalisation is there, unused, even where features are taken as they are: published parameter counts have it.
    """

    norm: nn.BatchNorm1d
    operation: nn.Module
    normalised: bool

    def __init__(self, operation: nn.Module, width: int, dropout: float, *, normalised: bool) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.drop = Dropout(dropout)
        self.operation = operation
        self.normalised = normalised

    def forward(self, x: Tensor) -> Tensor:
        return self.operation(self.drop(F.relu(self.norm(x))) if self.normalised else x)
