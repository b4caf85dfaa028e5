"""The networks of NAS-Bench-Graph over shared weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.space import Choice
from archwright.supernet import OneOf, Searchable
from archwright.supernet._selection import concrete
from archwright.zoo.graph._layers import Dropout, FullyConnected
from archwright.zoo.graph._network import Node
from archwright.zoo.graph._pick import Pick


class SharedGraphNetwork(nn.Module):
    """`GraphNetwork` with all links and operations; a linear layer always comes first, so that states have one width.

    Args:
        links: choices of the inputs of the nodes behind the first.
        operations: choices, one a node.
        layer: makes an operation of D to D features.
        features: F.
        classes: K.
        width: D.
        post: whether a linear layer to D comes before the last one.
        dropout: share of features dropped at the input and by each node.
    """

    def __init__(
        self,
        links: Sequence[Choice],
        operations: Sequence[Choice],
        layer: Callable[[str], nn.Module],
        *,
        features: int,
        classes: int,
        width: int,
        post: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.drop = Dropout(dropout)
        self.pre = FullyConnected(features, width)
        self.sources = nn.ModuleList(Pick(link) for link in links)
        self.nodes = nn.ModuleList(
            Node(OneOf(choice, {str(o): layer(str(o)) for o in choice.options}), width, dropout, normalised=True)
            for choice in operations
        )
        self.leaves = Leaves(links)
        joined = len(operations) * width
        last = nn.Linear(width if post else joined, classes)
        self.head = nn.Sequential(nn.Linear(joined, width), last) if post else last

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, F), dense or CSR, to logits (N, K)."""
        states = [self.pre(self.drop(x))]
        for i, node in enumerate(self.nodes):
            states.append(node(self.sources[i - 1](*states) if i else states[0]))
        return self.head(F.relu(self.leaves(*states[1:])))


class Leaves(Searchable):
    """The states of the nodes, concatenated, those that another node reads as zeros.

    Args:
        links: choices of the inputs of the nodes behind the first; they must be decided.
    """

    def __init__(self, links: Sequence[Choice]) -> None:
        super().__init__()
        self.links = tuple(links)

    def variables(self) -> tuple[Choice, ...]:
        return self.links

    def forward(self, *states: Tensor) -> Tensor:
        return Kept(self._read())(*states)

    def _read(self) -> frozenset[int]:
        """Positions, from 0, of the nodes that others read."""
        return frozenset(link.index(concrete(link)) - 1 for link in self.links)

    def plain(self) -> nn.Module:
        return Kept(self._read())


class Kept(nn.Module):
    """States (N, D) concatenated, some as zeros.

    Args:
        dropped: positions of those.
    """

    def __init__(self, dropped: frozenset[int]) -> None:
        super().__init__()
        self.dropped = dropped

    def forward(self, *states: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(s) if i in self.dropped else s for i, s in enumerate(states)], 1)

    def extra_repr(self) -> str:
        return f"dropped={sorted(self.dropped)}"
