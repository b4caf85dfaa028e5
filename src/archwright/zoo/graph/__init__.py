"""Layers on graphs, bound to one graph, and their PyTorch Geometric counterparts."""

from __future__ import annotations

from archwright.zoo.graph._layers import ARMA, GAT, GCN, GIN, KGNN, SAGE, SG, Cheb, Dropout, FullyConnected
from archwright.zoo.graph._neighbours import Neighbours
from archwright.zoo.graph._network import GraphNetwork
from archwright.zoo.graph._pyg import to_pyg
from archwright.zoo.graph._settings import GraphSettings

__all__ = [
    "ARMA",
    "GAT",
    "GCN",
    "GIN",
    "KGNN",
    "SAGE",
    "SG",
    "Cheb",
    "Dropout",
    "FullyConnected",
    "GraphNetwork",
    "GraphSettings",
    "Neighbours",
    "to_pyg",
]
