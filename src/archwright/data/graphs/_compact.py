"""The compact layout, `graphs/<name>.npz`: features in CSR form, undirected edges, labels, a public split if any.

Arrays: `indptr`, `indices`, `shape` and `data` (absent: ones) of the features; `edges` (E, 2), each once; `y`, -1 for
unlabelled; `train_idx`, `val_idx`, `test_idx` where the split is published.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archwright.data._npz import load_arrays
from archwright.errors import UserError

_NEEDED = ("indptr", "indices", "shape", "edges", "y")
_SPLIT = ("train_idx", "val_idx", "test_idx")


@dataclasses.dataclass(frozen=True)
class Raw:
    """A graph as stored: CSR features `indptr`, `indices`, `data`, `shape`; `edges` (E, 2); `y`; sets of nodes."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int64]
    data: NDArray[np.float32]
    shape: tuple[int, int]
    edges: NDArray[np.int64]
    y: NDArray[np.int64]
    split: tuple[NDArray[np.int64], ...] = ()

    def subset(self, kept: NDArray[np.int64]) -> Raw:
        """The graph of the sorted nodes `kept` and the edges between them."""
        from scipy.sparse import csr_array

        x = csr_array((self.data, self.indices, self.indptr), shape=self.shape)[kept]
        number = np.full(self.shape[0], -1)
        number[kept] = np.arange(len(kept))
        edges = number[self.edges]
        edges = edges[(edges >= 0).all(1)]
        arrays = (x.indptr.astype(np.int64), x.indices.astype(np.int64), x.data)
        return Raw(*arrays, (len(kept), self.shape[1]), edges, self.y[kept])


def read_compact(path: Path) -> Raw:
    """The graph in `path`.

    Raises:
        UserError: not a readable npz file, or arrays that are missing or do not fit together.
    """
    arrays = load_arrays(path)
    missing = [name for name in _NEEDED if name not in arrays]
    if missing:
        raise UserError(f"{path} needs the arrays {', '.join(_NEEDED)}; {', '.join(missing)} missing")
    indices = arrays["indices"].astype(np.int64)
    data = arrays["data"].astype(np.float32) if "data" in arrays else np.ones(len(indices), np.float32)
    indptr, y = arrays["indptr"].astype(np.int64), arrays["y"].astype(np.int64)
    rows, columns = (int(n) for n in arrays["shape"])
    if len(indptr) != rows + 1 or len(y) != rows or indptr[-1] != len(indices) or len(data) != len(indices):
        raise UserError(f"{path} is cut short: its arrays do not agree on the numbers of nodes and features")
    split = tuple(arrays[name].astype(np.int64) for name in _SPLIT) if _SPLIT[0] in arrays else ()
    return Raw(indptr, indices, data, (rows, columns), arrays["edges"].astype(np.int64), y, split)
