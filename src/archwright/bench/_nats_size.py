"""NATS-Bench size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archwright.bench._benchmark import Benchmark
from archwright.bench._nats_size_network import NatsSizeNetwork
from archwright.bench._rows import FiniteRows, options_of
from archwright.bench._table_file import read_table
from archwright.space import Ordinal, Space

_WIDTHS = tuple(range(8, 65, 8))


@final
class NatsSize(Benchmark):
    """NATS-Bench size (Dong et al. 2021, arXiv 2009.00437): five widths from 8 to 64, 32,768 networks on CIFAR-10.

    Test accuracy after 90 epochs. `channel1`, `channel3` and `channel5` are those of the cells, `channel2` and
    `channel4` of the blocks that halve the image. Parameters and FLOPs are computed, not from the table.

    Args:
        dataset: `cifar10`.
        root: folder that holds `nas/`; None: `$ARCHWRIGHT_DATA`, then the cache folder.

    Raises:
        UserError: unknown data set; the table is neither there nor to be had, or was cut short or changed.
    """

    name: ClassVar[str] = "nats-size"
    datasets: ClassVar[tuple[str, ...]] = ("cifar10",)
    tables: ClassVar[tuple[str, ...]] = ("nats_size_cifar10.npz",)

    def __init__(self, dataset: str | None = None, root: Path | None = None) -> None:
        dataset = self._checked(dataset)
        table = read_table(self.tables[0], root)
        self._channels = table["channels"].astype(np.int64)
        space = Space([Ordinal(f"channel{i}", _WIDTHS) for i in range(1, 6)], name=self.name)
        params, multiplications = _costs(self._channels)
        super().__init__(
            dataset=dataset,
            space=space,
            rows=FiniteRows(space, options_of(space, self._channels)),
            columns={"test_accuracy": table["c10_acc"], "params": params, "flops": 2 * multiplications},
            budgets=(90,),
            main="test_accuracy",
        )

    def counts(self) -> Mapping[str, NDArray[np.float64]]:
        """`ops` is the same for all; `channels`, the sum of the widths, is what ranks this space."""
        n = len(self._channels)
        return {"ops": np.full(n, 23.0), "channels": self._channels.sum(1).astype(np.float64)}

    def network(self, arch: Mapping[str, Any], *, seed: int) -> nn.Module:
        widths = list(self.space.arch(arch).values())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return NatsSizeNetwork(widths)


def _costs(channels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Parameters and multiply-accumulates, (n,) each, of widths (n, 5)."""
    c1, c2, c3, c4, c5 = channels.T
    parts = (
        (32, 27 * c1, c1),
        (32, *_cell(c1, c1)),
        (16, *_block(c1, c2)),
        (16, *_cell(c2, c3)),
        (8, *_block(c3, c4)),
        (8, *_cell(c4, c5)),
    )
    params = sum(weights + 2 * normalised for _, weights, normalised in parts) + 2 * c5 + 10 * (c5 + 1)
    multiplications = sum(size * size * weights for size, weights, _ in parts) + 10 * c5
    return np.asarray(params), np.asarray(multiplications)


def _cell(before: NDArray[np.int64], after: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Weights of the convolutions and normalised channels of a cell."""
    projected = before != after
    return 9 * after * (2 * before + 3 * after) + projected * before * after, after * (5 + projected)


def _block(before: NDArray[np.int64], after: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same of a residual block; all its convolutions run at the smaller size."""
    return 9 * after * (before + after) + before * after, 2 * after
