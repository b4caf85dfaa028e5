"""NAS-Bench-Macro."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from archwright.bench._benchmark import Benchmark
from archwright.bench._rows import FiniteRows
from archwright.bench._table_file import read_table
from archwright.space import Arch, Choice, Space

OPERATIONS = ("identity", "mb_k3_e3", "mb_k5_e6")
STAGES = ((1, 2), (3, 4, 5), (6, 7, 8))  # numbers of the layers


@final
class NasBenchMacro(Benchmark):
    """NAS-Bench-Macro (Su et al. 2021, arXiv 2103.11922): 6,561 networks of eight layers on CIFAR-10, three runs each.

    Test accuracies are those of the best of 50 epochs on the test images, means over the runs. There is no validation
    accuracy and no time.

    Args:
        dataset: `cifar10`.
        root: folder that holds `nas/`; None: `$ARCHWRIGHT_DATA`, then the cache folder.

    Raises:
        UserError: unknown data set; the table is neither there nor to be had, or was cut short or changed.
    """

    name: ClassVar[str] = "nasbench-macro"
    datasets: ClassVar[tuple[str, ...]] = ("cifar10",)
    tables: ClassVar[tuple[str, ...]] = ("nasbench_macro.npz",)

    def __init__(self, dataset: str | None = None, root: Path | None = None) -> None:
        dataset = self._checked(dataset)
        table = read_table(self.tables[0], root)
        self._layers = table["arch"]
        space = Space(
            [Choice(f"layer{number}", OPERATIONS) for stage in STAGES for number in stage],
            canonical=canonical,
            name=self.name,
        )
        super().__init__(
            dataset=dataset,
            space=space,
            rows=FiniteRows(space, self._layers),
            columns={
                "test_accuracy": table["test_acc"].mean(1, dtype=np.float64),
                "params": table["params"],
                "flops": 2 * table["flops"],
            },
            budgets=(50,),
            main="test_accuracy",
            repeats={"test_accuracy": table["test_acc"]},
        )

    def counts(self) -> Mapping[str, NDArray[np.float64]]:
        return {"ops": (self._layers > 0).sum(1).astype(np.float64)}


def canonical(arch: Arch) -> Arch:
    """Identities of a stage after its first layer, which halves the image, moved to the end: 3,969 networks differ."""
    values = dict(arch)
    for _, *others in STAGES:
        moved = sorted((arch[f"layer{number}"] for number in others), key=lambda operation: operation == OPERATIONS[0])
        values.update((f"layer{number}", operation) for number, operation in zip(others, moved, strict=True))
    return Arch(values)
