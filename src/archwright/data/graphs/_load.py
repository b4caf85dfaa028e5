"""Named graphs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archwright.data._storage import data_folders
from archwright.data.graphs._compact import Raw, read_compact
from archwright.data.graphs._download import downloaded
from archwright.data.graphs._graph import Graph, sparse_rows
from archwright.data.graphs._split import Mask, largest_component, per_class
from archwright.errors import UserError, nearest

_PUBLIC = ("cora", "citeseer")
_CONNECTED = ("photo", "computers")  # as NAS-Bench-Graph and Shchur et al. 2018 take them
_NAMES = (*_PUBLIC, *_CONNECTED, "cs", "physics")


def names() -> list[str]:
    """Graphs that `load` knows by name."""
    return sorted(_NAMES)


def load(
    name: str,
    *,
    seed: int = 0,
    train: int = 20,
    valid: int = 30,
    normalise: bool = False,
    root: str | Path | None = None,
) -> Graph:
    """A citation, co-author or co-purchase graph.

    `cora`, `citeseer`: the public Planetoid split (20 nodes a class, 500 and 1000; Yang et al. 2016). `cs`, `physics`
    (co-authors) and `photo`, `computers` (Amazon, largest connected component): random nodes of every class, the rest
    for test (Shchur et al. 2018).

    Looked for as `graphs/<name>.npz` in `root` or `$ARCHWRIGHT_DATA` and in the cache folder; then downloaded.

    Args:
        name: one of `names()`.
        seed: of a random split; public splits have none.
        train, valid: nodes a class in a random split.
        normalise: divide the features of each node by their sum.
        root: folder to look in instead.

    Returns:
        A graph with sparse (CSR) features.

    Raises:
        UserError: unknown name, `pubmed` (its features are not to be had in small files), or not found.
    """
    if name == "pubmed":
        raise UserError(
            "graph 'pubmed' cannot be loaded: only its structure and labels are at hand, not its 500 features"
        )
    if name not in _NAMES:
        raise UserError(f"unknown graph {name!r}{nearest(name, _NAMES)}")
    if seed < 0:
        raise UserError(f"seed must be at least 0, got {seed}")
    raw = _read(name, None if root is None else Path(root).expanduser())
    if name in _CONNECTED:
        raw = raw.subset(largest_component(raw.edges, raw.shape[0]))
    public = bool(raw.split)
    masks = _masks(raw) if public else per_class(raw.y, train, valid, seed)
    parts = {part: torch.from_numpy(mask) for part, mask in zip(("train", "valid", "test"), masks)}
    x, edges = _features(raw, normalise), _both_ways(raw)
    return Graph(
        name=name,
        x=x,
        edge_index=edges,
        y=torch.from_numpy(raw.y),
        classes=int(raw.y.max()) + 1,
        **parts,
        fingerprint=_digest(x.crow_indices(), x.col_indices(), x.values(), edges, raw.y),
        seed=None if public else seed,
    )


def _read(name: str, root: Path | None) -> Raw:
    folders = data_folders(root)
    path = next((f / "graphs" / f"{name}.npz" for f in folders if (f / "graphs" / f"{name}.npz").is_file()), None)
    return read_compact(path) if path is not None else downloaded(name, folders)


def _masks(raw: Raw) -> tuple[Mask, ...]:
    masks = tuple(np.zeros(raw.shape[0], bool) for _ in raw.split)
    for mask, nodes in zip(masks, raw.split):
        mask[nodes] = True
        mask &= raw.y >= 0
    return masks


def _features(raw: Raw, normalise: bool) -> Tensor:
    values = torch.from_numpy(raw.data)
    if normalise:
        row = np.repeat(np.arange(raw.shape[0]), np.diff(raw.indptr))
        total = np.bincount(row, raw.data, raw.shape[0])
        values = values / torch.from_numpy(np.maximum(total, 1e-12)[row]).float()
    return sparse_rows(torch.from_numpy(raw.indptr), torch.from_numpy(raw.indices), values, raw.shape)


def _digest(*arrays: Tensor | NDArray[np.int64]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _both_ways(raw: Raw) -> Tensor:
    """Each edge twice, sorted by target, then source; loops and repetitions dropped."""
    edges = raw.edges[raw.edges[:, 0] != raw.edges[:, 1]]
    both = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)  # rows (target, source)
    return torch.from_numpy(np.ascontiguousarray(both[:, ::-1].T))
