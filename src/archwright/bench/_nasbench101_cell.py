"""Cells of NAS-Bench-101: pruned, put in order, hashed (Ying et al. 2019, arXiv 1902.09635)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import combinations, permutations
from typing import Any

import networkx as nx

from archwright.space import Arch, Choice, Space

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
VERTICES, MOST_EDGES = 7, 9
PAIRS = tuple(combinations(range(VERTICES), 2))
_OUTPUT = VERTICES - 1

Edges = frozenset[tuple[int, int]]
Cell = tuple[Edges, tuple[int, ...]]
"""Edges between vertices 0 (input) to n - 1 (output), and the positions of the n - 2 operations between them."""


def cell_space() -> Space:
    """An edge or none between each two of seven vertices, an operation at the five inner ones; at most nine edges that
    lie on a way from input to output, and at least one way."""
    return Space(
        [
            *(Choice(f"edge{i}{j}", (0, 1)) for i, j in PAIRS),
            *(Choice(f"op{i}", OPERATIONS) for i in range(1, _OUTPUT)),
        ],
        where=connected_with_few_edges,
        canonical=canonical,
        graph=graph,
        name="nasbench101",
    )


def connected_with_few_edges(arch: Mapping[str, Any]) -> bool:
    """Whether the pruned cell has a way from input to output and at most nine edges."""
    found = pruned(arch)
    return found is not None and len(found[0]) <= MOST_EDGES


def pruned(arch: Mapping[str, Any]) -> Cell | None:
    """The vertices that lie on a way from input to output, numbered anew; None if there is no way."""
    edges = [pair for pair in PAIRS if arch[f"edge{pair[0]}{pair[1]}"]]
    behind = {0}
    for i, j in edges:  # in row order: i is settled before its edges come
        if i in behind:
            behind.add(j)
    before = {_OUTPUT}
    for i, j in sorted(edges, key=lambda pair: -pair[1]):
        if j in before:
            before.add(i)
    kept = sorted(behind & before)
    if 0 not in kept or _OUTPUT not in kept:
        return None
    number = {vertex: n for n, vertex in enumerate(kept)}
    left = frozenset((number[i], number[j]) for i, j in edges if i in number and j in number)
    return left, tuple(OPERATIONS.index(arch[f"op{vertex}"]) for vertex in kept[1:-1])


def as_arch(cell: Cell) -> Arch:
    """A cell in the variables of the space: its output is vertex 6, vertices it lacks have no edges."""
    edges, operations = cell
    last = len(operations) + 1
    present = {(i, _OUTPUT if j == last else j) for i, j in edges}
    values: dict[str, Any] = {f"edge{i}{j}": int((i, j) in present) for i, j in PAIRS}
    named = [OPERATIONS[position] for position in operations]
    named += [OPERATIONS[0]] * (VERTICES - 2 - len(named))
    return Arch(values | {f"op{i}": operation for i, operation in enumerate(named, 1)})


def canonical(arch: Arch) -> Arch:
    """The pruned cell with its inner vertices in the first of all orders; `arch` itself where nothing is connected."""
    found = pruned(arch)
    return arch if found is None else as_arch(min(_orders(found), key=lambda cell: (sorted(cell[0]), cell[1])))


def _orders(cell: Cell) -> list[Cell]:
    """Every numbering of the inner vertices in which edges lead to larger numbers."""
    edges, operations = cell
    inner = range(1, len(operations) + 1)
    found = []
    for order in permutations(inner):
        number = {0: 0, len(operations) + 1: len(operations) + 1, **dict(zip(order, inner, strict=True))}
        moved = frozenset((number[i], number[j]) for i, j in edges)
        if all(i < j for i, j in moved):
            found.append((moved, tuple(operations[vertex - 1] for vertex in order)))
    return found


def module_hash(cell: Cell) -> str:
    """The published hash: the same for isomorphic cells. MD5 of neighbours' hashes, as many rounds as vertices."""
    edges, operations = cell
    n = len(operations) + 2
    into: list[list[int]] = [[] for _ in range(n)]
    out: list[list[int]] = [[] for _ in range(n)]
    for i, j in edges:
        out[i].append(j)
        into[j].append(i)
    labels = (-1, *operations, -2)
    hashes = [_md5(str((len(out[v]), len(into[v]), labels[v]))) for v in range(n)]
    for _ in range(n):
        hashes = [_md5("|".join((_sorted(hashes, into[v]), _sorted(hashes, out[v]), hashes[v]))) for v in range(n)]
    return _md5(str(sorted(hashes)))


def _sorted(hashes: Sequence[str], vertices: Sequence[int]) -> str:
    return "".join(sorted(hashes[v] for v in vertices))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def graph(arch: Arch) -> nx.DiGraph:
    """The pruned cell: vertices `input`, `1`, ..., `output` with the attribute `op`."""
    edges, operations = pruned(arch) or (frozenset(), ())
    names = ["input", *map(str, range(1, len(operations) + 1)), "output"]
    drawn = nx.DiGraph()
    for name, operation in zip(names, ("input", *(OPERATIONS[o] for o in operations), "output"), strict=True):
        drawn.add_node(name, op=operation)
    drawn.add_edges_from((names[i], names[j]) for i, j in sorted(edges))
    return drawn
