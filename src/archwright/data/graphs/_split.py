"""Nodes for training, validation and test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archwright.errors import UserError

Mask = NDArray[np.bool_]


def per_class(y: NDArray[np.int64], train: int, valid: int, seed: int) -> tuple[Mask, Mask, Mask]:
    """`train` and `valid` random nodes of every class; the rest are test (Shchur et al. 2018).

    Args:
        y: classes (N,); nodes with -1 are left out.
        train, valid: nodes a class.
        seed: of the draw, at least 0.

    Raises:
        UserError: a class that is too small.
    """
    rng = np.random.default_rng(seed)
    masks = {part: np.zeros(len(y), bool) for part in ("train", "valid", "test")}
    for label in np.unique(y[y >= 0]):
        members = rng.permutation(np.flatnonzero(y == label))
        if len(members) <= train + valid:
            raise UserError(f"class {label} has {len(members)} nodes; more than {train} + {valid} are needed")
        masks["train"][members[:train]] = True
        masks["valid"][members[train : train + valid]] = True
        masks["test"][members[train + valid :]] = True
    return masks["train"], masks["valid"], masks["test"]


def largest_component(edges: NDArray[np.int64], nodes: int) -> NDArray[np.int64]:
    """Sorted nodes of the largest connected component, edges (E, 2) taken as undirected."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    matrix = coo_array((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), shape=(nodes, nodes))
    _, label = connected_components(matrix, directed=False)
    return np.flatnonzero(label == np.bincount(label).argmax())
