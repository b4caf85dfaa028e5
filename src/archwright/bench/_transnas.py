"""TransNAS-Bench-101, both of its spaces."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from archwright.bench._benchmark import Benchmark, Column
from archwright.bench._rows import FiniteRows
from archwright.bench._table_file import Arrays, read_table
from archwright.errors import UserError
from archwright.space import Arch, Choice, Space

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
MODULES = ("plain", "wider", "smaller", "wider_smaller")
_TASKS = {
    "class_scene": "valid_accuracy",
    "class_object": "valid_accuracy",
    "jigsaw": "valid_accuracy",
    "segmentsemantic": "valid_accuracy",
    "autoencoder": "valid_ssim",
    "normal": "valid_ssim",
    "room_layout": "valid_negative_loss",
}
_BUDGET = 25.0
_DEPTHS = (4, 5, 6)


@final
class TransNasMicro(Benchmark):
    """TransNAS-Bench-101 micro (Duan et al. 2021, arXiv 2105.11871): 4,096 cells on seven vision tasks.

    Validation results of one run: accuracy of pixels for `segmentsemantic`, structural similarity (`valid_ssim`, at
    most 1) for `autoencoder` and `normal`, minus the loss (`valid_negative_loss`) for `room_layout`.

    Args:
        dataset: the task.
        root: folder that holds `nas/`; None: `$ARCHWRIGHT_DATA`, then the cache folder.

    Raises:
        UserError: unknown task; the table is neither there nor to be had, or was cut short or changed.
    """

    name: ClassVar[str] = "transnas-micro"
    datasets: ClassVar[tuple[str, ...]] = tuple(_TASKS)
    tables: ClassVar[tuple[str, ...]] = ("transnasbench101.npz",)

    def __init__(self, dataset: str | None = None, root: Path | None = None) -> None:
        dataset = self._checked(dataset)
        table = read_table(self.tables[0], root)
        self._operations = table["micro_arch"]
        space = Space([Choice(f"edge{i}{j}", OPERATIONS) for i, j in EDGES], name=self.name)
        super().__init__(
            dataset=dataset,
            space=space,
            rows=FiniteRows(space, self._operations),
            columns={_TASKS[dataset]: table[f"micro_{dataset}_val"]},
            budgets=(_BUDGET,),
            main=_TASKS[dataset],
            scores=_scores(table, f"micro_{dataset}"),
        )

    def counts(self) -> Mapping[str, NDArray[np.float64]]:
        return {"ops": (self._operations >= OPERATIONS.index("nor_conv_1x1")).sum(1).astype(np.float64)}


@final
class TransNasMacro(Benchmark):
    """TransNAS-Bench-101 macro (Duan et al. 2021, arXiv 2105.11871): 3,256 networks of 4 to 6 modules on seven tasks.

    A module leaves the shape (`plain`), doubles the channels (`wider`), halves the image (`smaller`) or both; one to
    three modules are wider and one to four smaller. Metrics are those of `TransNasMicro`.

    Args:
        dataset: the task.
        root: folder that holds `nas/`; None: `$ARCHWRIGHT_DATA`, then the cache folder.

    Raises:
        UserError: unknown task; the table is neither there nor to be had, or was cut short or changed.
    """

    name: ClassVar[str] = "transnas-macro"
    datasets: ClassVar[tuple[str, ...]] = tuple(_TASKS)
    tables: ClassVar[tuple[str, ...]] = ("transnasbench101.npz",)

    def __init__(self, dataset: str | None = None, root: Path | None = None) -> None:
        dataset = self._checked(dataset)
        table = read_table(self.tables[0], root)
        self._depths = (table["macro_arch"] > 0).sum(1)
        space = Space(
            [Choice("depth", _DEPTHS), *(Choice(f"module{i}", MODULES) for i in range(1, 7))],
            when={"module5": {"depth": [5, 6]}, "module6": {"depth": [6]}},
            where=shapes_allowed,
            name=self.name,
        )
        super().__init__(
            dataset=dataset,
            space=space,
            rows=_MacroRows(space, table["macro_arch"]),
            columns={_TASKS[dataset]: table[f"macro_{dataset}_val"]},
            budgets=(_BUDGET,),
            main=_TASKS[dataset],
            scores=_scores(table, f"macro_{dataset}"),
        )

    def counts(self) -> Mapping[str, NDArray[np.float64]]:
        """`ops`: number of modules."""
        return {"ops": self._depths.astype(np.float64)}


def shapes_allowed(arch: Mapping[str, Any]) -> bool:
    """One to three wider modules, one to four smaller ones."""
    modules = [value for name, value in arch.items() if name.startswith("module")]
    wider, smaller = (sum(word in module for module in modules) for word in ("wider", "smaller"))
    return 1 <= wider <= 3 and 1 <= smaller <= 4


@final
class _MacroRows:
    """Rows of networks of different depth.

    Args:
        space: of the depth and six modules.
        modules: (n, 6), from 1; 0 behind the last one.
    """

    def __init__(self, space: Space, modules: NDArray[Any]) -> None:
        self._space = space
        self._modules = [tuple(MODULES[i - 1] for i in row if i) for row in modules.tolist()]
        self._row = {named: row for row, named in enumerate(self._modules)}

    def __len__(self) -> int:
        return len(self._modules)

    def index(self, arch: Mapping[str, Any]) -> int:
        found = self._space.arch(arch)
        row = self._row.get(tuple(found[f"module{i}"] for i in range(1, found["depth"] + 1)))
        if row is None:
            raise UserError(f"the table has no entry for {dict(found)}")
        return row

    def arch(self, index: int) -> Arch:
        modules = self._modules[index]
        return Arch({"depth": len(modules), **{f"module{i}": module for i, module in enumerate(modules, 1)}})


def _scores(table: Arrays, prefix: str) -> dict[str, Column]:
    """Published scores; -1e8 in the file stands for a failure."""
    found = {name: table[f"{prefix}_{name}"] for name in ("zen", "synflow", "epe") if f"{prefix}_{name}" in table}
    full = {name: np.where(column <= -1e8, np.nan, column) for name, column in found.items()}
    for position, name in enumerate(map(str, table["sub_proxy_names"])):
        column = np.full(len(table[f"{prefix}_val"]), np.nan)
        column[table[f"{prefix}_sub_idx"]] = table[f"{prefix}_sub_proxies"][:, position]
        full[f"suite-{name.replace('_', '-')}"] = np.where(column <= -1e8, np.nan, column)
    return full
