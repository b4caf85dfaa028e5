"""`graphnas`: the spaces of GraphNAS (Gao et al. 2020, IJCAI, arXiv 1904.09981) and their networks.

Macro: for each of two layers an attention function, an aggregator, an activation, a number of heads and a width; the
last width is the number of classes. Micro: two cells that read earlier states, an activation and a merge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from archwright.data.graphs import Graph
from archwright.errors import UserError
from archwright.space import Choice, Ordinal, Space, Variable
from archwright.supernet import Supernet
from archwright.train import GraphTrainer
from archwright.zoo.graph._macro import ACTIVATIONS, AGGREGATORS, ATTENTIONS, MacroNetwork
from archwright.zoo.graph._micro import MicroNetwork
from archwright.zoo.graph._neighbours import Neighbours

HEADS = (1, 2, 4, 6, 8, 16)
WIDTHS = (4, 8, 16, 32, 64, 128, 256)
MICRO_OPERATIONS = (
    "gat_8", "gat_6", "gat_4", "gat_2", "gat_1", "gcn", "cheb", "sage", "arma", "sg", "linear", "zero",
)  # fmt: skip


def macro(layers: int = 2) -> Space:
    """9 408 settings a layer, 1 344 for the last: 12 644 352 architectures of two layers.

    Args:
        layers: at least 1.

    Raises:
        UserError: no layer.
    """
    if layers < 1:
        raise UserError(f"a network has at least one layer, got {layers}")
    variables: list[Variable] = []
    for n in range(layers):
        variables += [
            Choice(f"attention{n}", ATTENTIONS),
            Choice(f"aggregator{n}", AGGREGATORS),
            Choice(f"activation{n}", tuple(ACTIVATIONS)),
            Ordinal(f"heads{n}", HEADS),
        ]
        if n < layers - 1:
            variables.append(Ordinal(f"hidden{n}", WIDTHS))
    return Space(variables, name="graphnas")


def micro(*, training: bool = False) -> Space:
    """12 960 architectures of two cells; 27 216 000 with the settings of the training.

    Args:
        training: whether learning rate, dropout, weight decay and width are searched, too.
    """
    variables: list[Variable] = []
    for n in range(2):
        variables += [Choice(f"in{n}", tuple(range(2 + n))), Choice(f"op{n}", MICRO_OPERATIONS)]
    variables.append(Choice("activation", ("sigmoid", "tanh", "relu", "linear", "elu")))
    variables.append(Choice("merge", ("add", "product", "concat")))
    if training:
        variables += [
            Ordinal("lr", (1e-4, 5e-4, 1e-3, 5e-3, 1e-2)),
            Ordinal("dropout", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
            Ordinal("weight_decay", (0.0, 1e-5, 5e-5, 1e-4, 5e-4, 1e-3)),
            Ordinal("hidden", (8, 16, 32, 64, 128, 256, 512)),
        ]
    return Space(variables, name="graphnas-micro")


def micro_supernet(graph: Graph, *, width: int = 64, dropout: float = 0.6) -> Supernet:
    """All micro networks over shared weights, bound to a graph; its space is that of `micro()`.

    `net(graph.x, arch)` runs one of them, `net.slice(arch)` cuts it out. Under relaxation (weights over options) the
    `merge` must be decided, because `concat` is wider than the others.

    Args:
        graph: its features (N, F) are the input; the output is (N, classes).
        width: of all states.
        dropout: share of the features dropped.
    """
    space = micro()
    cells = [(_choice(space, f"in{n}"), _choice(space, f"op{n}")) for n in range(2)]
    module = MicroNetwork(
        cells,
        _choice(space, "activation"),
        _choice(space, "merge"),
        Neighbours(graph.edge_index, graph.nodes),
        features=graph.features,
        classes=graph.classes,
        width=width,
        dropout=dropout,
    )
    return Supernet(module, name="graphnas-micro", input_shape=(graph.features,))


def _choice(space: Space, name: str) -> Choice:
    variable = space[name]
    assert isinstance(variable, Choice)
    return variable


def micro_network(arch: Mapping[str, Any], graph: Graph, *, width: int = 64, dropout: float = 0.6) -> nn.Module:
    """The network of a micro architecture, bound to a graph, with fresh weights.

    Args:
        arch: of `micro()`, or of `micro(training=True)`, whose width and dropout are then taken.
        graph, width, dropout: as for `micro_supernet`.

    Raises:
        UserError: `arch` is not of the space.
    """
    member = micro(training="hidden" in arch).arch(arch)
    width, dropout = member.get("hidden", width), member.get("dropout", dropout)
    net = micro_supernet(graph, width=width, dropout=dropout)
    return net.slice({name: value for name, value in member.items() if name in net.space.names})


def network(
    arch: Mapping[str, Any],
    graph: Graph,
    *,
    dropout: float = 0.6,
    attention_dropout: float = 0.0,
    residual: bool = False,
) -> MacroNetwork:
    """The network of a macro architecture of any number of layers, bound to a graph, with fresh weights.

    Args:
        arch: of `macro(layers)`.
        graph: its features (N, F) are the input; the output is (N, classes).
        dropout: share of the input of each layer that is dropped.
        attention_dropout: share of the attention that is dropped; 0.6 in the first release (DGL), which has the result
            on Cora, none in the second (PyTorch Geometric).
        residual: whether layers behind the first add a linear map of their input; so in the first release.

    Raises:
        UserError: `arch` is not of the space.
    """
    layers = max(1, sum(name.startswith("attention") for name in arch))
    member = macro(layers).arch(arch)
    neighbours = Neighbours(graph.edge_index, graph.nodes)
    return MacroNetwork(
        member,
        neighbours,
        layers=layers,
        features=graph.features,
        classes=graph.classes,
        dropout=dropout,
        attention_dropout=attention_dropout,
        residual=residual,
    )


def trainer(arch: Mapping[str, Any] | None = None) -> GraphTrainer:
    """The training of the published code: Adam, 300 epochs; what counts is the epoch of the smallest validation loss.

    Args:
        arch: of `micro(training=True)`, whose learning rate and weight decay are taken.
    """
    found = arch or {}
    lr, decay = found.get("lr", 0.005), found.get("weight_decay", 5e-4)
    return GraphTrainer(epochs=300, optimizer="adam", lr=lr, weight_decay=decay, select="loss")
