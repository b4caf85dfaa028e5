"""Scores of the cells of NAS-Bench-201 without training.

NiccoloCavagnero/FreeREA (MIT), automl/NASLib (Apache-2.0); the order of the cells: dovugiacan14/RobustNasBench (no
licence stated).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archwright.bench.sources._columns import csv_column, single
from archwright.bench.sources._nasbench201 import CELLS, MEANS, ordered_cells
from archwright.bench.sources._naslib import REPOSITORY, Cell, archived, full_columns, some_columns
from archwright.bench.sources._source import TableSource, github

SCORES = (
    "epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "params", "plain", "snip",
    "synflow",
)  # fmt: skip
_DATASETS = {"c10": "cifar10", "c100": "cifar100", "in16": "ImageNet16-120"}
_IN16 = f"{MEANS}/ImageNet16-120"
_FULL = ("naswot", "synflow", "logsynflow", "nregions")
_ZEN = "run/results/benchmarks/nb201_zen.zip"
_SUITE = "naslib/data/zc_nasbench201.json"
_OPERATIONS = (1, 0, 3, 2, 4)  # skip, none, 3x3, 1x1, pool in the order of the table
_EDGES = (0, 1, 3, 2, 4, 5)


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[Any]]:
    """FreeREA's and zen scores of all cells; twelve scores of a few hundred."""
    ops, _ = ordered_cells(files[CELLS[0]])
    rows = {tuple(cell): row for row, cell in enumerate(ops.tolist())}

    def row(cell: Cell) -> int:
        return rows[tuple(_OPERATIONS[cell[edge]] for edge in _EDGES)]

    suite = json.loads(files[_SUITE].read_text(encoding="utf-8"))
    arrays: dict[str, NDArray[Any]] = {"sub_proxy_names": np.array(SCORES)}
    for short, dataset in _DATASETS.items():
        for score in _FULL:
            if (path := files.get(f"{MEANS}/{dataset}/{score}.csv")) is not None:
                values = csv_column(path, score)
                arrays[f"{short}_{score}"] = values if score == "synflow" else single(values)
        zen = full_columns(archived(files[_ZEN], "nasbench201", dataset), "zen", row, len(ops))
        arrays[f"{short}_zen"], arrays[f"{short}_val_1seed"] = zen
        arrays[f"{short}_sub_idx"], arrays[f"{short}_sub_proxies"] = some_columns(suite[dataset], SCORES, row)
    return arrays


SOURCE = TableSource(
    originals={
        **github(
            "NiccoloCavagnero/FreeREA",
            "9c2a726cd3adf526c43ae52a515a8fc5ea927fe7",
            {
                f"{MEANS}/cifar10/naswot.csv": "c18f163c0dd1b09a4a520ba6c7b4760015d046dab1ca146762a5c889cbbcafdd",
                f"{MEANS}/cifar10/synflow.csv": "3da60c54c70554b230899eca3dfe7dbc04513895de28944434f28b3e88616b18",
                f"{MEANS}/cifar10/logsynflow.csv": "02ffa0ade7525975b2acb4b3af42a48c21ed7141dac821f80d00a43a889bb94e",
                f"{MEANS}/cifar10/nregions.csv": "b59cb4cfbc249a0190be6630d6506b0a143d36caad1ed14d18e7b1afc7d87630",
                f"{MEANS}/cifar100/naswot.csv": "c3fd2cc2448b27993b32e60f9ef0ac61d94e9e277363f288793f2d4ce12ef5fc",
                f"{MEANS}/cifar100/synflow.csv": "837b87f72fa64c78a8fcd6f6c1a8b192656e62cbd0e3c6f5be4fcdaa2edab8c0",
                f"{MEANS}/cifar100/logsynflow.csv": "7058f774bb9194f3c497a9b7918f740be20db48cdd441a692b72edefad0314e4",
                f"{MEANS}/cifar100/nregions.csv": "5a2933f833f40d3d9ba55d9bf05d63f764293d1e2c7ff46ee749a37ca6bf07bd",
                f"{_IN16}/naswot.csv": "5bd1e163d0b0776d97e785e28dbd262ea88d34d3bb9c9e608fa7c3cfd4c32762",
                f"{_IN16}/synflow.csv": "2bdea25fc4f9ebec5f89f80c454bb4965eff16a991a13658cfa521cb19450321",
                f"{_IN16}/logsynflow.csv": "1aa499e415446177f37792be66285d47184013654bba9d82a3a43fb0d4d0f8c5",
            },
        ),
        **github(
            REPOSITORY,
            "8c45f19dc259956c3bd253071135c798ad3df8ce",
            {_ZEN: "6c9aec8cd0c235d7b7a37a27f224bb719e7376e8048f2dd6d91bc06dcfcc2a2e"},
        ),
        **github(
            REPOSITORY,
            "44c8cc233c93c3259de1ee0e54efc54638799e6b",
            {_SUITE: "5dcbbcd56812a9f62164a376bc7df4082ab3af612082b6d26a845930e6eb8641"},
        ),
        CELLS[0]: CELLS[1],
    },
    convert=convert,
)
