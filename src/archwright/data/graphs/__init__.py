"""Graphs whose nodes are classified: citation networks, co-purchases, co-authors, with the splits of the literature."""

from __future__ import annotations

from archwright.data.graphs._graph import Graph
from archwright.data.graphs._load import load, names
from archwright.data.graphs._split import largest_component, per_class

__all__ = ["Graph", "largest_component", "load", "names", "per_class"]
