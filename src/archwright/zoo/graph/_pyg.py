"""A network as PyTorch Geometric layers, with the same weights."""

from __future__ import annotations

import copy
import importlib
import warnings
from typing import Any

import torch
from torch import fx, nn

from archwright.errors import UserError
from archwright.zoo.graph._layers import ARMA, GAT, GCN, GIN, KGNN, SAGE, Cheb, FullyConnected, GraphLayer
from archwright.zoo.graph._network import GraphNetwork, Node


def to_pyg(network: GraphNetwork) -> fx.GraphModule:
    """`network` as a module of PyTorch Geometric and torch layers only, called with (x, edge_index).

    It has copies of the weights, takes dense features (N, F) and any edges (2, E) of the form of `Graph`, needs nothing
    of archwright and gives the same logits.

    Raises:
        UserError: PyTorch Geometric is not installed.
    """
    layers, drawn = _layers_of_pyg(), fx.Graph()
    x, edges = drawn.placeholder("x"), drawn.placeholder("edge_index")
    modules: dict[str, nn.Module] = {"drop": nn.Dropout(network.drop.p), "relu": nn.ReLU()}
    state = drawn.call_module("drop", (x,))
    if isinstance(network.pre, FullyConnected):
        modules["pre"] = _linear(network.pre)
        state = drawn.call_module("pre", (state,))
    states = [state]
    for i, (parent, node) in enumerate(zip(network.link, network.nodes, strict=True)):
        assert isinstance(node, Node)
        modules[f"norm{i}"], modules[f"op{i}"] = copy.deepcopy(node.norm), _operation(node.operation, layers)
        state = states[parent]
        if node.normalised:
            state = drawn.call_module("drop", (drawn.call_module("relu", (drawn.call_module(f"norm{i}", (state,)),)),))
        plain = isinstance(modules[f"op{i}"], nn.Linear | nn.Identity)
        states.append(drawn.call_module(f"op{i}", (state,) if plain else (state, edges)))
    joined = drawn.call_function(torch.cat, ([states[i] for i in network.leaves], 1))
    modules |= {"post": copy.deepcopy(network.post), "head": copy.deepcopy(network.head)}
    hidden = drawn.call_module("post", (drawn.call_module("relu", (joined,)),))
    drawn.output(drawn.call_module("head", (hidden,)))
    return fx.GraphModule(nn.ModuleDict(modules), drawn).train(network.training)


def _operation(ours: nn.Module, layers: Any) -> nn.Module:
    if isinstance(ours, FullyConnected):
        return _linear(ours)
    if isinstance(ours, nn.Identity):
        return nn.Identity()
    theirs = _constructed(ours, layers)
    theirs.load_state_dict({**theirs.state_dict(), **ours.state_dict()})  # GINConv has an eps of 0 beside
    return theirs


def _constructed(ours: nn.Module, layers: Any) -> nn.Module:
    assert isinstance(ours, GraphLayer)
    i, d = ours.inputs, ours.outputs
    match ours:
        case GCN():
            found = layers.GCNConv(i, d)
        case GAT():
            found = layers.GATConv(i, d // ours.heads, ours.heads)
        case GIN():
            found = layers.GINConv(nn.Linear(i, d))
        case Cheb():
            found = layers.ChebConv(i, d, K=2)
        case SAGE():
            found = layers.SAGEConv(i, d)
        case ARMA():
            found = layers.ARMAConv(i, d)
        case KGNN():
            found = layers.GraphConv(i, d)
        case _:
            raise UserError(f"{type(ours).__name__} has no counterpart in PyTorch Geometric")
    return found


def _linear(ours: FullyConnected) -> nn.Linear:
    linear = nn.Linear(ours.in_features, ours.out_features)
    linear.load_state_dict(ours.state_dict())
    return linear


def _layers_of_pyg() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it scripts modules when it is imported
            warnings.simplefilter("ignore", DeprecationWarning)
            return importlib.import_module("torch_geometric.nn")
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("torch_geometric"):
            raise
        raise UserError("PyTorch Geometric is not installed; run: pip install 'archwright[graph]'") from None
