"""Every cell of NAS-Bench-101 (Ying et al. 2019), once, in the order of the published hash.

The published results are in this order, so the cells need not be downloaded.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from archwright.bench._nasbench101_cell import MOST_EDGES, OPERATIONS, PAIRS, VERTICES, module_hash

PAD = 255
_BIT = {pair: bit for bit, pair in enumerate(PAIRS)}
Masks = NDArray[np.int64]


def all_cells(vertices: int = VERTICES) -> tuple[NDArray[np.uint8], NDArray[np.uint32], NDArray[np.uint8]]:
    """Number of vertices (n,), edges (n,) with bit b for the b-th of `PAIRS`, operations (n, 5); takes two minutes.

    Of isomorphic cells the one with the smallest edges, then operations, stands for all.

    Args:
        vertices: the most vertices; from 2 to 7.
    """
    found: list[tuple[str, int, int, tuple[int, ...]]] = []
    for n in range(2, vertices + 1):
        for edges, operations in _cells(n):
            pairs = frozenset(pair for pair in PAIRS if edges >> _BIT[pair] & 1)
            found.append((module_hash((pairs, operations)), n, edges, operations))
    found.sort()
    padded = [operations + (PAD,) * (VERTICES - 2 - len(operations)) for *_, operations in found]
    return (
        np.array([n for _, n, _, _ in found], np.uint8),
        np.array([edges for _, _, edges, _ in found], np.uint32),
        np.array(padded, np.uint8),
    )


def _cells(n: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Edges and operations of the cells of `n` vertices that differ."""
    masks = _connected(n)
    orders = list(itertools.permutations(range(1, n - 1)))
    moved = np.stack([_renumbered(masks, (0, *order, n - 1)) for order in orders])
    choices = list(itertools.product(range(len(OPERATIONS)), repeat=n - 2))
    for column in np.flatnonzero(masks == moved.min(0)):
        mask = masks[column]
        symmetries = [order for order, other in zip(orders, moved[:, column]) if other == mask]
        yield from ((int(mask), choice) for choice in choices if _first(choice, symmetries))


def _first(operations: tuple[int, ...], symmetries: list[tuple[int, ...]]) -> bool:
    """Whether no symmetry of the graph gives smaller operations."""
    return all(operations <= tuple(operations[vertex - 1] for vertex in order) for order in symmetries)


def _connected(n: int) -> Masks:
    """Sets of at most nine edges with which every vertex lies on a way from the first to the last."""
    bits = [_BIT[pair] for pair in itertools.combinations(range(n), 2)]
    packed = np.arange(2 ** len(bits))
    packed = packed[np.bitwise_count(packed) <= MOST_EDGES]
    masks = np.zeros_like(packed)
    for place, bit in enumerate(bits):
        masks |= (packed >> place & 1) << bit
    for vertex in range(n):
        into = sum(1 << _BIT[earlier, vertex] for earlier in range(vertex))
        out = sum(1 << _BIT[vertex, later] for later in range(vertex + 1, n))
        masks = masks[((masks & into != 0) | (vertex == 0)) & ((masks & out != 0) | (vertex == n - 1))]
    return masks


def _renumbered(masks: Masks, order: tuple[int, ...]) -> Masks:
    """Edges with vertex v called `order.index(v)`; the largest number where an edge would lead back."""
    number = {vertex: place for place, vertex in enumerate(order)}
    moved, back = np.zeros_like(masks), np.zeros(len(masks), bool)
    for i, j in itertools.combinations(range(len(order)), 2):
        there = masks >> _BIT[i, j] & 1
        if number[i] < number[j]:
            moved |= there << _BIT[number[i], number[j]]
        else:
            back |= there == 1
    return np.where(back, np.iinfo(np.int64).max, moved)
