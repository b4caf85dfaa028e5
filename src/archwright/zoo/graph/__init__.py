"""Layers on graphs, bound to one graph, and their PyTorch Geometric counterparts."""

from __future__ import annotations

from archwright.zoo.graph._layers import ARMA, GAT, GCN, GIN, KGNN, SAGE, Cheb, Dropout, FullyConnected
from archwright.zoo.graph._neighbours import Neighbours

__all__ = ["ARMA", "GAT", "GCN", "GIN", "KGNN", "SAGE", "Cheb", "Dropout", "FullyConnected", "Neighbours"]
