"""Layers and networks of GraphNAS' macro space.

N nodes, E edges with self-loops (i: target, j: source), H heads of C features; a and b are vectors of C a head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.zoo.graph._layers import Dropout, FullyConnected, softmax_over_sources, times
from archwright.zoo.graph._neighbours import Neighbours

ATTENTIONS = ("gat", "gcn", "cos", "const", "gat_sym", "linear", "generalized_linear")
AGGREGATORS = ("sum", "mean", "max", "mlp")
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "linear": nn.Identity(),
    "softplus": F.softplus,
    "leaky_relu": F.leaky_relu,
    "relu6": F.relu6,
    "elu": F.elu,
}
_POOL = 128


class MacroLayer(nn.Module):
    """x W in heads, weighted by attention and aggregated over neighbours and the node itself, plus a bias.

    Weights of an edge from j to i, with softmax over j for all but the last two: `gat` LeakyReLU(a x_i + b x_j, 0.2);
    `gat_sym` gat_ij + gat_ji; `linear` tanh((a + b) x_j); `cos` (a x_i)(b x_j); `generalized_linear` w tanh(a x_i +
    b x_j), a and b by feature; `gcn` the symmetric normalisation; `const` 1. All aggregators but `sum` pass messages
    through two linear layers; `mlp` then takes the sum.

    Args:
        inputs: I.
        outputs: C.
        neighbours: of the graph.
        attention: one of `ATTENTIONS`.
        aggregator: one of `AGGREGATORS`.
        heads: H.
        average: whether heads are averaged, (N, C), instead of concatenated, (N, H C).
        attention_dropout: share of the weights of edges, for `const` of the features of messages, dropped.
        residual: whether a linear map of the input is added to every head.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        neighbours: Neighbours,
        *,
        attention: str,
        aggregator: str,
        heads: int,
        average: bool,
        attention_dropout: float = 0.0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.attention_dropout = attention_dropout
        self.residual = FullyConnected(inputs, heads * outputs, bias=False) if residual else None
        self.neighbours, self.attention, self.aggregator = neighbours, attention, aggregator
        self.heads, self.average = heads, average
        self.weight = nn.Parameter(torch.empty(heads * outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs if average else heads * outputs))
        for name in _VECTORS[attention]:
            self.register_parameter(name, nn.Parameter(torch.empty(1, heads, outputs)))
        self.reset_parameters()
        pooled = aggregator != "sum"
        self.pool = nn.Sequential(nn.Linear(outputs, _POOL), nn.Linear(_POOL, outputs)) if pooled else nn.Identity()

    def reset_parameters(self) -> None:
        """New weights, without those of the linear layers of an aggregator."""
        nn.init.xavier_uniform_(self.weight)
        nn.init.zeros_(self.bias)
        for name in _VECTORS[self.attention]:
            nn.init.xavier_uniform_(self.get_parameter(name))

    def forward(self, x: Tensor) -> Tensor:
        h_NHC = times(x, self.weight).unflatten(1, (self.heads, -1))  # type: ignore[no-untyped-call]
        source, target = self.neighbours.with_loops(h_NHC.device)
        weight_EH = self.weights(h_NHC)
        dropped = self.attention_dropout if self.training and self.attention != "gcn" else 0.0
        if self.attention == "const":
            message_EHC = F.dropout(h_NHC[source], dropped)
        else:
            message_EHC = F.dropout(weight_EH, dropped)[..., None] * h_NHC[source]
        out = self._aggregated(self.pool(message_EHC), target, h_NHC)
        if self.residual is not None:
            out = out + self.residual(x).view_as(out)
        return (out.mean(1) if self.average else out.flatten(1)) + self.bias

    def weights(self, h_NHC: Tensor) -> Tensor:
        """(E, H) attention, in the order of `Neighbours.with_loops`."""
        source, target = self.neighbours.with_loops(h_NHC.device)
        if self.attention == "const":
            return h_NHC.new_ones(len(source), self.heads)
        if self.attention == "gcn":
            scale = torch.bincount(target, minlength=len(h_NHC)).to(h_NHC).rsqrt()
            return (scale[source] * scale[target])[:, None].expand(-1, self.heads)
        return softmax_over_sources(self._scores(h_NHC, source, target), target, len(h_NHC))

    def _scores(self, h: Tensor, source: Tensor, target: Tensor) -> Tensor:
        a, b = h * self.get_parameter("a"), h * self.get_parameter("b")
        if self.attention == "cos":
            return (a[target] * b[source]).sum(-1)
        if self.attention == "generalized_linear":
            return (self.get_parameter("w") * torch.tanh(a[target] + b[source])).sum(-1)
        to, fro = a.sum(-1), b.sum(-1)
        if self.attention == "linear":
            return torch.tanh(to + fro)[source]
        score = F.leaky_relu(to[target] + fro[source], 0.2)
        return score + F.leaky_relu(to[source] + fro[target], 0.2) if self.attention == "gat_sym" else score

    def _aggregated(self, message_EHC: Tensor, target: Tensor, like: Tensor) -> Tensor:
        if self.aggregator == "max":
            index = target[:, None, None].expand_as(message_EHC)
            return torch.full_like(like, -torch.inf).scatter_reduce(0, index, message_EHC, "amax")
        out = torch.zeros_like(like).index_add(0, target, message_EHC)
        if self.aggregator == "mean":
            out = out / torch.bincount(target, minlength=len(like))[:, None, None]
        return out


_VECTORS = {
    "gat": "ab", "gat_sym": "ab", "linear": "ab", "cos": "ab", "generalized_linear": "abw", "gcn": "", "const": "",
}  # fmt: skip


class MacroNetwork(nn.Module):
    """Dropout, layer and activation in turn; heads concatenated, in the last layer averaged.

    Args:
        arch: of the macro space.
        neighbours: of the graph.
        layers: number of layers.
        features: F.
        classes: K.
        dropout: share dropped before each layer.
        attention_dropout: share dropped in each layer's attention.
        residual: whether layers behind the first add a linear map of their input.
    """

    def __init__(
        self,
        arch: Mapping[str, Any],
        neighbours: Neighbours,
        *,
        layers: int,
        features: int,
        classes: int,
        dropout: float,
        attention_dropout: float = 0.0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.drop = Dropout(dropout)
        self.activations = tuple(ACTIVATIONS[arch[f"activation{n}"]] for n in range(layers))
        made, width = [], features
        for n in range(layers):
            last = n == layers - 1
            outputs, heads = classes if last else arch[f"hidden{n}"], arch[f"heads{n}"]
            made.append(
                MacroLayer(
                    width,
                    outputs,
                    neighbours,
                    attention=arch[f"attention{n}"],
                    aggregator=arch[f"aggregator{n}"],
                    heads=heads,
                    average=last,
                    attention_dropout=attention_dropout,
                    residual=residual and n > 0,
                )
            )
            width = heads * outputs
        self.layers = nn.ModuleList(made)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, F), dense or CSR, to logits (N, K)."""
        for layer, activation in zip(self.layers, self.activations, strict=True):
            x = activation(layer(self.drop(x)))
        return x
