"""Gram matrices of kernels of architectures: the tree-Wasserstein kernel against transport plans pair by pair.

1000 random cells of NAS-Bench-201. Ours: features from nothing, distances of operations, in-degrees and out-degrees,
the matrix. Theirs: `ot.emd2` of POT for the three terms of each of 499 500 pairs, on histograms and ground distances
that are there already; 1500 of the pairs are timed, spread evenly, and both agree on them. The limit is a ratio of 50.
The other kernels are timed with 200 cells. Run alone: `python benchmarks/kernels.py`; writes
`benchmarks/results/kernels.json`.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import ot
import torch
from _measuring import write

from archwright import zoo
from archwright.search.kernels import KERNELS
from archwright.search.kernels._cell import Cell, cells
from archwright.search.kernels._tree_wasserstein import TreeWasserstein
from archwright.space import Arch, Space

CELLS, PAIRS, ROUNDS, LIMIT, FEW = 1000, 1500, 7, 50.0, 200
Histogram = tuple[np.ndarray, np.ndarray]


def drawn(space: Space, count: int) -> list[Arch]:
    """Different random cells."""
    rng, found = np.random.default_rng(0), dict[Arch, None]()
    while len(found) < count:
        found[space.sample(rng)] = None
    return list(found)


def histograms(cell: Cell, labels: tuple[str, ...]) -> list[Histogram]:
    """Supports and masses of the operations, the in-degrees and the out-degrees."""
    counts = np.array([sum(cell.labels[v] == label for v in cell.operations) for label in labels], dtype=float)
    named = np.append(counts, 0.0 if counts.any() else 1.0)
    found = [(np.arange(len(named)), named / named.sum())]
    depth = 1 + max(cell.layers)
    for degrees in (cell.sources, cell.targets):
        mass = np.zeros(depth)
        for layer, others in zip(cell.layers, degrees):
            if layer >= 0:
                mass[layer] += len(others)
        mass = mass if mass.any() else np.ones(depth)
        found.append((np.arange(depth) / depth, mass / mass.sum()))
    return found


def plans(one: list[Histogram], two: list[Histogram], ground: np.ndarray) -> list[float]:
    """The three distances of a pair by POT."""
    apart = [ground] + [np.abs(x[:, None] - y[None]) for (x, _), (y, _) in zip(one[1:], two[1:])]
    return [float(ot.emd2(a, b, cost)) for (_, a), (_, b), cost in zip(one, two, apart)]


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def gram(kernel: TreeWasserstein, archs: list[Arch]) -> torch.Tensor:
    with torch.no_grad():
        return kernel.kernel()(kernel.features(archs)).to_dense()


def main() -> int:
    """Measure in turn, print, write the record; 1 if the limit is broken."""
    torch.set_num_threads(1)
    space = zoo.build("nasbench201", in_channels=3, classes=10, image_size=32).space
    archs = drawn(space, CELLS)
    kernel = TreeWasserstein(space, grams=1, alpha=0.1)
    labels = tuple(label for label in kernel.operations.paths if label not in ("other", "empty"))
    leaves = (*labels, "empty")
    ground = np.array([[kernel.operations.distance(a, b) for b in leaves] for a in leaves])
    known = [histograms(cells(space, arch)[""], labels) for arch in archs]
    every = np.stack(np.triu_indices(CELLS, 1), axis=1)
    pairs = every[:: len(every) // PAIRS][:PAIRS]

    found = kernel.distances(archs)[:, pairs[:, 0], pairs[:, 1]].T.numpy()
    direct = np.array([plans(known[i], known[j], ground) for i, j in pairs])
    error = float(np.abs(found - direct).max())
    ours, theirs = [], []
    for n in range(ROUNDS):
        part = pairs[n::ROUNDS]
        fresh = TreeWasserstein(space, grams=1, alpha=0.1)
        ours.append(seconds(lambda: gram(fresh, archs)))  # noqa: B023
        theirs.append(seconds(lambda: [plans(known[i], known[j], ground) for i, j in part]) * len(every) / len(part))  # noqa: B023
    ratio = statistics.median(b / a for a, b in zip(ours, theirs))
    record = {
        "ratio": ratio,
        "limit": LIMIT,
        "cells": CELLS,
        "pairs": len(every),
        "pairs_timed": len(pairs),
        "largest_difference": error,
        "gram_seconds": {"archwright": statistics.median(ours), "POT ot.emd2, extrapolated": statistics.median(theirs)},
        "features_of_1000_cells_ms": 1e3 * seconds(lambda: TreeWasserstein(space).features(archs)),
        "gram_of_200_cells_ms": others(space, archs[:FEW]),
        "pot": ot.__version__,
    }
    target = write("kernels", record)
    print(f"{record['gram_seconds']}, ratio {ratio:.0f}, limit {LIMIT:.0f}, differs by {error:.1e}")
    print({name: f"{value:.0f} ms" for name, value in record["gram_of_200_cells_ms"].items()}, f"written to {target}")
    return int(ratio < LIMIT or error > 1e-9)


def others(space: Space, archs: list[Arch]) -> dict[str, float]:
    """Milliseconds of features and Gram matrix of every registered kernel, from nothing."""
    found = {}
    for name in KERNELS.names():
        kernel = KERNELS.load(name)(space)
        with torch.no_grad():
            found[name] = 1e3 * seconds(lambda: kernel.kernel()(kernel.features(archs)).to_dense())  # noqa: B023
    return found


if __name__ == "__main__":
    sys.exit(main())
