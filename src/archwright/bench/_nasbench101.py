"""NAS-Bench-101."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from archwright.bench._benchmark import Benchmark
from archwright.bench._nasbench101_cell import PAIRS, Cell, as_arch, cell_space, module_hash, pruned
from archwright.bench._table_file import Arrays, read_table
from archwright.errors import UserError
from archwright.space import Arch, Space

_PAD = 255
_CONVOLUTIONS = 2  # operations before the pooling
_EPOCHS = (4, 12, 36, 108)


@final
class NasBench101(Benchmark):
    """NAS-Bench-101 (Ying et al. 2019, arXiv 1902.09635): all 423,624 cells of up to 7 vertices and 9 edges, CIFAR-10.

    Test accuracy is the mean of three runs of 108 epochs. Validation accuracy after 4, 12, 36 and 108 epochs and the
    simulated clock, of one run, exist for the first 20,001 rows; elsewhere they are NaN.

    An architecture of the space is any cell: dangling vertices are pruned and isomorphic cells share a row, as in the
    published code. Rows are ordered by its hash, so a cell in an unknown order of vertices is found by bisection.

    Args:
        dataset: `cifar10`.
        root: folder that holds `nas/`; None: `$ARCHWRIGHT_DATA`, then the cache folder.

    Raises:
        UserError: unknown data set; the table is neither there nor to be had, or was cut short or changed.
    """

    name: ClassVar[str] = "nasbench101"
    datasets: ClassVar[tuple[str, ...]] = ("cifar10",)
    tables: ClassVar[tuple[str, ...]] = ("nasbench101.npz",)

    def __init__(self, dataset: str | None = None, root: Path | None = None) -> None:
        dataset = self._checked(dataset)
        table = read_table(self.tables[0], root)
        n, space = len(table["test108"]), cell_space()
        self._operations = table["ops"]
        super().__init__(
            dataset=dataset,
            space=space,
            rows=CellRows(space, table),
            columns={
                "test_accuracy": {108: 100 * table["test108"]},
                "valid_accuracy": {epochs: _padded(100 * table[f"first_val{epochs}"], n) for epochs in _EPOCHS},
                "params": table["params"],
            },
            budgets=_EPOCHS,
            main="test_accuracy",
            seconds=_padded(table["first_train_time108"] / 108, n),
        )

    def counts(self) -> Mapping[str, NDArray[np.float64]]:
        return {"ops": (self._operations < _CONVOLUTIONS).sum(1).astype(np.float64)}


@final
class CellRows:
    """Rows of cells, ordered by their hash.

    Args:
        space: of the cells.
        table: `n_vertices` (n,), `adj_bits` (n,), bit b for the b-th pair of seven vertices, and `ops` (n, 5).
    """

    def __init__(self, space: Space, table: Arrays) -> None:
        self._space = space
        self._vertices, self._bits, self._operations = table["n_vertices"], table["adj_bits"], table["ops"]
        codes = self._bits.astype(np.int64) | self._vertices.astype(np.int64) << (len(PAIRS) + 10)
        for position, column in enumerate(self._operations.T.astype(np.int64)):
            codes |= np.where(column == _PAD, 0, column) << (len(PAIRS) + 2 * position)
        self._order = np.argsort(codes).astype(np.int32)
        self._codes = codes[self._order]

    def __len__(self) -> int:
        return len(self._vertices)

    def index(self, arch: Mapping[str, Any]) -> int:
        cell = pruned(self._space.arch(arch))
        assert cell is not None  # the space has no others
        code = _code(cell)
        place = int(np.searchsorted(self._codes, code))
        if place < len(self._codes) and self._codes[place] == code:
            return int(self._order[place])
        return self._bisected(module_hash(cell), arch)

    def _bisected(self, wanted: str, arch: Mapping[str, Any]) -> int:
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if module_hash(self.cell(middle)) < wanted:
                low = middle + 1
            else:
                high = middle
        if low == len(self) or module_hash(self.cell(low)) != wanted:
            raise UserError(f"the table has no entry for {dict(arch)}")
        return low

    def cell(self, index: int) -> Cell:
        """The cell of a row in its stored order of vertices."""
        bits, n = int(self._bits[index]), int(self._vertices[index])
        edges = frozenset(pair for b, pair in enumerate(PAIRS) if bits >> b & 1 and pair[1] < n)
        return edges, tuple(int(operation) for operation in self._operations[index] if operation != _PAD)

    def arch(self, index: int) -> Arch:
        return as_arch(self.cell(index))


def _code(cell: Cell) -> int:
    """A cell as one number, in the layout of `CellRows`."""
    edges, operations = cell
    code = sum(1 << b for b, pair in enumerate(PAIRS) if pair in edges)
    code |= sum(operation << (len(PAIRS) + 2 * position) for position, operation in enumerate(operations))
    return code | (len(operations) + 2) << (len(PAIRS) + 10)


def _padded(column: NDArray[Any], n: int) -> NDArray[Any]:
    """The first rows, NaN in the others."""
    return np.concatenate([column, np.full(n - len(column), np.nan, column.dtype)])
