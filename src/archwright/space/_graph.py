"""The default graph view of an architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import networkx as nx


def chain(arch: Mapping[str, Any]) -> nx.DiGraph:
    """`input` -> one node `name=value` for each variable -> `output`; nodes are numbered from 0, labels are in `op`."""
    import networkx as nx  # a tenth of a second that few users need

    graph = nx.DiGraph()
    labels = ["input", *(f"{name}={value}" for name, value in arch.items()), "output"]
    graph.add_nodes_from((i, {"op": label}) for i, label in enumerate(labels))
    nx.add_path(graph, range(len(labels)))
    return graph
