"""TransNAS-Bench-101 (Duan et al. 2021) with scores without training: automl/NASLib (Apache-2.0)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archwright.bench.sources._naslib import REPOSITORY, Cell, archived, full_columns, some_columns
from archwright.bench.sources._source import TableSource, github

TASKS = ("class_scene", "class_object", "autoencoder", "normal", "jigsaw", "room_layout", "segmentsemantic")
_CLASSIFICATION = ("class_scene", "class_object", "jigsaw", "room_layout")
SCORES = ("epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "params", "plain", "snip")
_ZEN = {
    "micro": "naslib/data/zc_benchmarks/all_benchmarks_zen.zip",
    "macro": "run/results/benchmarks/tnb101_macro_zen.zip",
}
_SYNFLOW = "run/results/benchmarks/tnb101_classification_synflow.zip"
_EPE = "run/results/benchmarks/tnb101_classification_epe_nas.zip"
_SUITE = "naslib/data/zc_transbench101_{}.json"


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[Any]]:
    """Validation results and scores of the 4,096 cells (`micro`) and 3,256 networks (`macro`) on seven tasks."""
    arrays: dict[str, NDArray[Any]] = {"tasks": np.array(TASKS), "sub_proxy_names": np.array(SCORES)}
    for kind in ("micro", "macro"):
        arrays |= _kind(files, kind)
    return arrays


def _kind(files: Mapping[str, Path], kind: str) -> dict[str, NDArray[Any]]:
    cells = _cells(files, kind)
    rows = {cell: row for row, cell in enumerate(cells)}
    suite = json.loads(files[_SUITE.format(kind)].read_text(encoding="utf-8"))
    arrays: dict[str, NDArray[Any]] = {f"{kind}_arch": np.array(cells, np.uint8)}

    def row(cell: Cell) -> int:
        return rows[_padded(cell)]

    for task in TASKS:
        sources = {"zen": ("zen", _ZEN[kind])}
        if task in _CLASSIFICATION:
            sources |= {"synflow": ("synflow", _SYNFLOW), "epe": ("epe_nas", _EPE)}
        for name, (score, file) in sources.items():
            records = archived(files[file], f"transbench101_{kind}", task)
            arrays[f"{kind}_{task}_{name}"], accuracy = full_columns(records, score, row, len(cells))
            if name == "zen":
                arrays[f"{kind}_{task}_val"] = accuracy
        found = some_columns(suite[task], SCORES, row)
        arrays[f"{kind}_{task}_sub_idx"], arrays[f"{kind}_{task}_sub_proxies"] = found
    return arrays


def _cells(files: Mapping[str, Path], kind: str) -> list[Cell]:
    """Every architecture, in order."""
    records = archived(files[_ZEN[kind]], f"transbench101_{kind}", TASKS[0])
    return sorted({_padded(cell) for cell, _ in records})


def _padded(cell: Cell) -> Cell:
    return (cell + (0,) * 6)[:6]


SOURCE = TableSource(
    originals={
        **github(
            REPOSITORY,
            "8c45f19dc259956c3bd253071135c798ad3df8ce",
            {
                _ZEN["micro"]: "d70d3ddcda2264806a467d3fb3840e8ce04c5b0129776110a62018ea68e6d7f2",
                _ZEN["macro"]: "c34526c4f37f06205e61efeeb80bce5340dbce555ad558a10d6a897258d0de7b",
                _SYNFLOW: "272e6b7e970ff80cc36ca23757bf746d2b233d041ec3366a85047af9bf958f9e",
                _EPE: "8ff3be8a20b371839971922b5e8b088cffd053a911e25e2137248cb986bde0ce",
            },
        ),
        **github(
            REPOSITORY,
            "e09980298eaf55e55e95cc2b1d664c560ee6e81b",
            {
                _SUITE.format("micro"): "f9f2c5d6d9b9a73964f1bffb2869f218e1110755d84ddd4a46a8cf482f799cd1",
                _SUITE.format("macro"): "f1d393373855bd7ba29bc81b33adb947ef2518d82aa0e6c003809ce6a4d94212",
            },
        ),
    },
    convert=convert,
)
