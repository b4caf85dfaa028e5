"""Networks of GraphNAS' micro space: all of them over shared weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from archwright.space import Choice
from archwright.supernet import OneOf, Zero
from archwright.zoo.graph._layers import ARMA, GAT, GCN, SAGE, SG, Cheb, Dropout, FullyConnected
from archwright.zoo.graph._neighbours import Neighbours
from archwright.zoo.graph._pick import Pick

_LAYERS = {"gcn": GCN, "cheb": Cheb, "sage": SAGE, "arma": ARMA, "sg": SG}
_ACTIVATIONS = {
    "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "linear": nn.Identity, "elu": nn.ELU,
}  # fmt: skip


class Merge(nn.Module):
    """Outputs of the cells (cells, N, D) to (N, D), or by `concat` to (N, cells * D).

    Args:
        kind: `add`, `product` or `concat`.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "concat":
            return x.transpose(0, 1).flatten(1)
        return x.sum(0) if self.kind == "add" else x.prod(0)

    def extra_repr(self) -> str:
        return self.kind


class MicroNetwork(nn.Module):
    """Dropout -> two linear layers -> cells -> merge -> activation -> linear layer to the classes.

    A cell applies an operation to one of the states before it: the two linear layers and earlier cells. The heads of
    `gat_8` to `gat_1` are averaged.

    Args:
        cells: choices of input and operation, a pair a cell.
        activation, merge: choices.
        neighbours: of the graph.
        features: F.
        classes: K.
        width: D.
        dropout: share of the features dropped.
    """

    def __init__(
        self,
        cells: Sequence[tuple[Choice, Choice]],
        activation: Choice,
        merge: Choice,
        neighbours: Neighbours,
        *,
        features: int,
        classes: int,
        width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.drop = Dropout(dropout)
        self.pre = nn.ModuleList(FullyConnected(features, width) for _ in range(2))
        self.cells = nn.ModuleList(_Cell(*choices, width, neighbours) for choices in cells)
        self.activation = OneOf(activation, {str(name): _ACTIVATIONS[str(name)]() for name in activation.options})
        self.merge = OneOf(merge, {str(kind): Merge(str(kind)) for kind in merge.options})
        one = nn.Linear(width, classes)  # `add` and `product` share it, as in AutoGL
        heads = {str(k): nn.Linear(len(cells) * width, classes) if k == "concat" else one for k in merge.options}
        self.head = OneOf(merge, heads)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, F), dense or CSR, to logits (N, K)."""
        x = self.drop(x)
        states = [pre(x) for pre in self.pre]
        for cell in self.cells:
            states.append(cell(*states))
        return self.head(self.activation(self.merge(torch.stack(states[len(self.pre) :]))))


class _Cell(nn.Module):
    def __init__(self, source: Choice, operation: Choice, width: int, neighbours: Neighbours) -> None:
        super().__init__()
        self.source = Pick(source)
        options = {str(option): _operation(str(option), width, neighbours) for option in operation.options}
        self.operation = OneOf(operation, options)

    def forward(self, *states: Tensor) -> Tensor:
        return self.operation(self.source(*states))


def _operation(name: str, width: int, neighbours: Neighbours) -> nn.Module:
    if name == "zero":
        return Zero()
    if name == "linear":
        return FullyConnected(width, width)
    if name.startswith("gat_"):
        heads = int(name.removeprefix("gat_"))
        return GAT(width, width, neighbours, heads, average=True)
    return _LAYERS[name](width, width, neighbours)
