"""The table of TangleNAS for its small cells."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray
from torch import nn

from archwright.bench._benchmark import Benchmark
from archwright.bench._networks import fresh
from archwright.bench._rows import FiniteRows
from archwright.bench._table_file import read_table
from archwright.supernet import Supernet
from archwright.zoo.entangled_cell import EDGES, OPERATIONS, TYPES, entangled_cell


@final
class EntangledCell(Benchmark):
    """The cells of TangleNAS (Sukthanker et al. 2023, arXiv 2312.10440): 4,096 on Fashion-MNIST, one run each.

    Test and training accuracy after the last epoch, latency on an unnamed GPU. The published number of parameters of a
    cell is that of the cell with its two types exchanged (their script reads the types in the other order); here each
    has its own. The published CPU latencies mix units and are left out.

    Args:
        dataset: `fashion-mnist`.
        root: folder that holds `nas/`; None: `$ARCHWRIGHT_DATA`, then the cache folder.

    Raises:
        UserError: unknown data set; the table is neither there nor to be had, or was cut short or changed.
    """

    name: ClassVar[str] = "entangled-cell"
    datasets: ClassVar[tuple[str, ...]] = ("fashion-mnist",)
    tables: ClassVar[tuple[str, ...]] = ("entangled_cell.npz",)

    def __init__(self, dataset: str | None = None, root: Path | None = None) -> None:
        dataset = self._checked(dataset)
        table = read_table(self.tables[0], root)
        space = entangled_cell(channels=1).space
        self._operations = table["op_names"][table["arch"][..., 0]]  # (n, type, edge)
        rows = FiniteRows(space, _options(space.names, self._operations))
        exchanged = [rows.index(_arch(cell[::-1])) for cell in self._operations]
        super().__init__(
            dataset=dataset,
            space=space,
            rows=rows,
            columns={
                "test_accuracy": table["test_acc"],
                "train_accuracy": table["train_acc"],
                "params": table["num_params"][exchanged],
                "latency_ms:gpu": table["latency_gpu_mean"] / 1000,
            },
            budgets=(200,),
            main="test_accuracy",
        )

    def counts(self) -> Mapping[str, NDArray[np.float64]]:
        """`ops`: depthwise convolutions, two in `sep_conv`, one in `dil_conv`; reducing cells stand for two."""
        separable = np.char.startswith(self._operations, "sep").sum(2)
        return {"ops": 9.0 + separable @ np.array([1.0, 2.0])}

    @cached_property
    def _supernet(self) -> Supernet:
        return entangled_cell()

    def network(self, arch: Mapping[str, Any], *, seed: int) -> nn.Module:
        return fresh(self._supernet, self.space.arch(arch), seed)


def _arch(cell: NDArray[np.str_]) -> dict[str, str]:
    """Operations (type, edge) as values of the variables."""
    names = [f"{kind}.edge{i}{j}" for kind in TYPES for i, j in EDGES]
    return dict(zip(names, cell.ravel().tolist(), strict=True))


def _options(names: tuple[str, ...], operations: NDArray[np.str_]) -> NDArray[np.intp]:
    """(n, variables) positions among the options, variables in the order of the space."""
    cells = [_arch(cell) for cell in operations]
    return np.array([[OPERATIONS.index(cell[name]) for name in names] for cell in cells])
