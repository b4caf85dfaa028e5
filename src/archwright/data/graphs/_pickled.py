"""Matrices and lists out of pickles, without running what a pickle says.

Public graph files are pickles of SciPy matrices. Only arrays, lists and dictionaries are made here; a pickle that names
anything else is refused.
"""

from __future__ import annotations

import collections
import dataclasses
import io
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from archwright.errors import UserError


class _Attributes:
    """Stands for a SciPy matrix: an object that only has attributes."""


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("scipy.sparse.csr", "csr_matrix"): _Attributes,
    ("collections", "defaultdict"): collections.defaultdict,
    ("builtins", "list"): list,
    ("__builtin__", "list"): list,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise UserError(f"the file names {module}.{name}, which a graph does not need")
        return _KNOWN[module, name]


def read_object(data: bytes) -> Any:
    """The object in a pickle of arrays, matrices, lists and dictionaries.

    Raises:
        UserError: it names anything else.
    """
    return _Reader(io.BytesIO(data), encoding="latin1").load()


def read_objects(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Arrays of an npz file, objects among them.

    Raises:
        UserError: an object that is not of arrays, matrices, lists and dictionaries.
    """
    found = {}
    with zipfile.ZipFile(path) as archive:
        for name in names:
            stream = io.BytesIO(archive.read(f"{name}.npy"))
            npy.read_magic(stream)
            _, _, kind = npy.read_array_header_1_0(stream)
            if kind.hasobject:
                found[name] = read_object(stream.read()).item()
            else:
                found[name] = np.frombuffer(stream.read(), kind)
    return found


@dataclasses.dataclass(frozen=True)
class Matrix:
    """A matrix in CSR form."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int64]
    data: NDArray[np.float32]
    shape: tuple[int, int]

    @classmethod
    def of(cls, read: Any) -> Matrix:
        """From what `read_object` makes of a SciPy matrix; columns sorted within rows, zeros dropped."""
        from scipy.sparse import csr_array

        matrix = csr_array((read.data, read.indices, read.indptr), shape=read._shape)
        return cls._from(matrix)

    @classmethod
    def _from(cls, matrix: Any) -> Matrix:
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        arrays = (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data.astype(np.float32))
        return cls(*arrays, (int(matrix.shape[0]), int(matrix.shape[1])))

    def above(self, other: Matrix, *, rows: Sequence[int], total: int) -> Matrix:
        """This one on top of `other`, row n moved to `rows[n]` of `total`; the remaining rows are zero."""
        from scipy.sparse import coo_array, csr_array, vstack

        parts = [csr_array((m.data, m.indices, m.indptr), shape=m.shape) for m in (self, other)]
        stacked = vstack(parts).tocoo()
        moved = coo_array((stacked.data, (np.asarray(rows)[stacked.row], stacked.col)), shape=(total, self.shape[1]))
        return self._from(moved.tocsr())

    def entries(self) -> NDArray[np.int64]:
        """(E, 2) rows and columns of what is stored."""
        return np.stack([np.repeat(np.arange(self.shape[0]), np.diff(self.indptr)), self.indices], 1)
