"""NAS-Bench-201 and the latencies, energies and scores published for its cells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray
from torch import nn

from archwright.bench._benchmark import Benchmark, Column
from archwright.bench._hw_nas_bench import read_hw_nas_bench
from archwright.bench._networks import fresh
from archwright.bench._rows import FiniteRows, options_of
from archwright.bench._table_file import Arrays, read_table, read_table_if_present
from archwright.supernet import Supernet
from archwright.zoo.nasbench201 import nasbench201

_SHORT = {"cifar10": "c10", "cifar100": "c100", "imagenet16-120": "in16"}
_SHAPES = {"cifar10": (10, 32), "cifar100": (100, 32), "imagenet16-120": (120, 16)}  # classes, image size
_CONVOLUTIONS = (2, 3)  # positions of the 1x1 and 3x3 convolutions among the operations


@final
class NasBench201(Benchmark):
    """NAS-Bench-201 (Dong and Yang 2020, arXiv 2001.00326): 15,625 cells on three data sets after 12 and 200 epochs.

    Accuracies are means over the recorded seeds; parameters and FLOPs count every convolution of a cell, also those
    that no path to the output passes. Where `nasbench201_hardware.npz` is at hand there are latencies
    (`latency_ms:<device>`; on CIFAR-10 those of HELP, Lee et al. 2021, which hold HW-NAS-Bench's, Li et al. 2021) and,
    on CIFAR-100, latencies and energies (`energy_mj:<device>`) of HW-NAS-Bench-360. `nasbench201_zerocost.npz` and
    `nasbench201_fewshot_scores.npz` give published `scores`. `archwright.bench.fetch` brings all three.

    The simulated clock counts the recorded seconds of a training epoch, without validation; CIFAR-100 has none.

    Args:
        dataset: `cifar10`, `cifar100` or `imagenet16-120`.
        root: folder that holds `nas/`; None: `$ARCHWRIGHT_DATA`, then the cache folder.
        hw_nas_bench: file of HW-NAS-Bench for its latencies and energies (`read_hw_nas_bench`), if there is one.

    Raises:
        UserError: unknown data set; the table is neither there nor to be had, or was cut short or changed.
    """

    name: ClassVar[str] = "nasbench201"
    datasets: ClassVar[tuple[str, ...]] = tuple(_SHORT)
    tables: ClassVar[tuple[str, ...]] = (
        "nasbench201.npz",
        "nasbench201_hardware.npz",
        "nasbench201_zerocost.npz",
        "nasbench201_fewshot_scores.npz",
    )

    def __init__(
        self, dataset: str | None = None, root: Path | None = None, *, hw_nas_bench: Path | None = None
    ) -> None:
        dataset = self._checked(dataset)
        table, short = read_table(self.tables[0], root, beside=self.tables[1:]), _SHORT[dataset]
        space = nasbench201(channels=1, cells=1).space
        self._convolutions = np.isin(table["ops"], _CONVOLUTIONS).sum(1)
        seconds = f"{short}_epoch_s"
        super().__init__(
            dataset=dataset,
            space=space,
            rows=FiniteRows(space, options_of(space, table["op_names"][table["ops"]])),
            columns={
                "valid_accuracy": {12: table[f"{short}_val12"], 200: table[f"{short}_val"]},
                "test_accuracy": {12: table[f"{short}_test12"], 200: table[f"{short}_test"]},
                "params": table[f"params_{short}"],
                "flops": _flops(table[f"flops_{short}"], _SHAPES[dataset][0]),
                **_hardware(read_table_if_present("nasbench201_hardware.npz", root), dataset),
                **({} if hw_nas_bench is None else read_hw_nas_bench(hw_nas_bench, dataset)),
            },
            budgets=(12, 200),
            seconds=table.get(seconds),
            repeats={"test_accuracy": table["c10_test_seeds"]} if dataset == "cifar10" else None,
            scores=_scores(root, short),
        )

    def counts(self) -> Mapping[str, NDArray[np.float64]]:
        return {"ops": self._convolutions.astype(np.float64)}

    @cached_property
    def _supernet(self) -> Supernet:
        classes, size = _SHAPES[self.dataset]
        return nasbench201(classes=classes, image_size=size)

    def network(self, arch: Mapping[str, Any], *, seed: int) -> nn.Module:
        return fresh(self._supernet, self.space.arch(arch), seed)


def _flops(millions: Column, classes: int) -> Column:
    """Exact FLOPs from the rounded millions of the table, which are multiply-accumulates with the bias of the head.

    Without the bias they are multiples of 64 in this space.
    """
    return 2 * 64 * np.rint((1e6 * millions.astype(np.float64) - classes) / 64)


def _hardware(table: Arrays, dataset: str) -> dict[str, Column]:
    """The columns measured for inputs and classes of `dataset`."""
    found: dict[str, Column] = {}
    for name, column in table.items():
        if dataset == "cifar10" and name.startswith("lat_"):
            found[f"latency_ms:{_device(name.removeprefix('lat_'))}"] = column
        elif dataset == "cifar100" and (match := re.fullmatch(r"nb360_(lat|mJ)_(\w+)_cifar100", name)):
            found[f"{'latency_ms' if match[1] == 'lat' else 'energy_mj'}:{_device(match[2])}"] = column
    return found


def _device(text: str) -> str:
    return text.replace("_", "-")


def _scores(root: Path | None, short: str) -> dict[str, Column]:
    """Published scores under our names, the full columns before those of a few hundred cells."""
    table = read_table_if_present("nasbench201_zerocost.npz", root)
    names = ("naswot", "synflow", "logsynflow", "zen", "nregions")
    found: dict[str, Column] = {name: table[f"{short}_{name}"] for name in names if f"{short}_{name}" in table}
    if table:
        for position, name in enumerate(map(str, table["sub_proxy_names"])):
            column = np.full(len(table[f"{short}_naswot"]), np.nan)
            column[table[f"{short}_sub_idx"]] = table[f"{short}_sub_proxies"][:, position]
            found[f"suite-{_device(name)}"] = column
    if short == "c10":
        shared = read_table_if_present("nasbench201_fewshot_scores.npz", root)
        found |= {_device(name): shared[f"c10_{name}"] for name in ("one_shot", "few_shot") if shared}
    return found
