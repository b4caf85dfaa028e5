"""Accuracies of the cells of NAS-Bench-201 on shared weights: aoiang/few-shot-NAS (Zhao et al. 2021, no licence).

The order of the cells: dovugiacan14/RobustNasBench (no licence stated).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archwright.bench.sources._nasbench201 import CELLS, OPERATIONS, ordered_cells
from archwright.bench.sources._source import TableSource, github

_FOLDER = "Few-Shot_NasBench201/supernet_info"
_FILES = {"truth": "nasbench201", "one_shot": "one-shot-supernet", "few_shot": "few-shot-supernet"}


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[Any]]:
    """CIFAR-10: accuracy alone (`truth`), with one supernet and with several."""
    ops, _ = ordered_cells(files[CELLS[0]])
    cells = list(map(tuple, ops.tolist()))
    arrays = {}
    for name, file in _FILES.items():
        rows = json.loads(files[f"{_FOLDER}/{file}"].read_text(encoding="utf-8"))
        accuracy = {_operations(cell): value for cell, value in rows.items()}
        arrays[f"c10_{name}"] = np.array([accuracy[cell] for cell in cells], np.float32)
    return arrays


def _operations(cell: str) -> tuple[int, ...]:
    """Positions of the operations in a text such as `[(('none', 0),), (('none', 0), ('skip_connect', 1)), ...]`."""
    return tuple(map(OPERATIONS.index, re.findall(r"'(\w+)'", cell)))


SOURCE = TableSource(
    originals={
        **github(
            "aoiang/few-shot-NAS",
            "ec366c1c5ca23fe4e9bdd1ec869753739b196ed5",
            {
                f"{_FOLDER}/few-shot-supernet": "6704553c216731415a7a01b4e237da49df9bd37318fc032f0e1800fba7a95a41",
                f"{_FOLDER}/nasbench201": "31d66fbfd64850150141ed403360bd92684443f684db1976a7b63db55f1d4f85",
                f"{_FOLDER}/one-shot-supernet": "69c5e90d992b7730b52a0b49849be226843eceb427b50382690a5a8c5cba88a9",
            },
        ),
        CELLS[0]: CELLS[1],
    },
    convert=convert,
)
