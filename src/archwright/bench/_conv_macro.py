"""The table of TangleNAS for its convolutional chain."""

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
from archwright.bench._rows import FiniteRows, options_of
from archwright.bench._table_file import read_table
from archwright.supernet import Supernet
from archwright.zoo.conv_macro import conv_macro

_FIXED_KERNEL = 49 * 256
_HEAD = ((9216, 256), (256, 128), (128, 64), (64, 10))


@final
class ConvMacro(Benchmark):
    """Conv-macro of TangleNAS (Sukthanker et al. 2023, arXiv 2312.10440): 6,561 networks on CIFAR-10, one run each.

    Test and training accuracy after 100 epochs, as the published script measured them: with dropout at work. 14
    networks stand at 10.0, failed trainings. Parameters and FLOPs are computed, not from the table.

    Args:
        dataset: `cifar10`.
        root: folder that holds `nas/`; None: `$ARCHWRIGHT_DATA`, then the cache folder.

    Raises:
        UserError: unknown data set; the table is neither there nor to be had, or was cut short or changed.
    """

    name: ClassVar[str] = "conv-macro"
    datasets: ClassVar[tuple[str, ...]] = ("cifar10",)
    tables: ClassVar[tuple[str, ...]] = ("conv_macro.npz",)

    def __init__(self, dataset: str | None = None, root: Path | None = None) -> None:
        dataset = self._checked(dataset)
        table = read_table(self.tables[0], root)
        self._widths = table["widths"].astype(np.int64)
        kernels = table["kernels"].astype(np.int64)
        space = conv_macro().space
        params, multiplications = _costs(self._widths, kernels)
        values = np.stack([self._widths, kernels], axis=2).reshape(-1, 8)
        super().__init__(
            dataset=dataset,
            space=space,
            rows=FiniteRows(space, options_of(space, values)),
            columns={
                "test_accuracy": table["test_acc"],
                "train_accuracy": table["train_acc"],
                "params": params,
                "flops": 2 * multiplications,
            },
            budgets=(100,),
            main="test_accuracy",
        )

    def counts(self) -> Mapping[str, NDArray[np.float64]]:
        """`ops` is the same for all."""
        n = len(self._widths)
        return {"ops": np.full(n, 9.0), "channels": self._widths.sum(1).astype(np.float64)}

    @cached_property
    def _supernet(self) -> Supernet:
        return conv_macro()

    def network(self, arch: Mapping[str, Any], *, seed: int) -> nn.Module:
        return fresh(self._supernet, self.space.arch(arch), seed)


def _costs(widths: NDArray[np.int64], kernels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Parameters and multiply-accumulates, (n,) each, of widths and kernels (n, 4)."""
    before = np.column_stack([np.full(len(widths), 3), widths[:, :3]])
    weights = before * widths * kernels**2
    last = _FIXED_KERNEL * widths[:, 3]
    head = sum(i * o for i, o in _HEAD)
    biases = 256 + sum(o for _, o in _HEAD)
    params = weights.sum(1) + widths.sum(1) + last + head + biases
    return params, weights @ np.array([32, 32, 16, 8]) ** 2 + 36 * last + head
