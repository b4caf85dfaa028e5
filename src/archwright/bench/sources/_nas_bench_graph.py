"""NAS-Bench-Graph (Qin et al. 2022): the light tables in the wheel of its package, version 1.4.0 (Apache-2.0)."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archwright.bench.sources._pickled import read_numbers
from archwright.bench.sources._source import Original, TableSource
from archwright.zoo.nasbenchgraph import LINKS, OPERATIONS

_DATASETS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins")
_COLUMNS = {"val": "valid_perf", "test": "perf", "lat": "latency", "para": "para"}
_WHEEL = "nas_bench_graph-1.4.0-py3-none-any.whl"
_FOLDER = "c0/0d/3f638d82eb82c5f51164cbd4e255a7f9397fae633a0b4f8e111d97e98539"


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[Any]]:
    """Each `light/<data set>.bench` of the wheel is a pickle: key of the architecture to its four numbers."""
    arrays: dict[str, NDArray[Any]] = {"op_names": np.array(OPERATIONS)}
    with zipfile.ZipFile(files[_WHEEL]) as wheel:
        for dataset in _DATASETS:
            rows = read_numbers(wheel.read(f"nas_bench_graph/light/{dataset}.bench"))
            keys = sorted(rows)
            if dataset in ("cora", "proteins"):  # the others have the architectures of cora
                arrays |= _architectures(keys, "proteins_" if dataset == "proteins" else "")
            for column, name in _COLUMNS.items():
                arrays[f"{dataset}_{column}"] = np.array([rows[key][name] for key in keys], np.float32)
    return arrays


def _architectures(keys: list[int], prefix: str) -> dict[str, NDArray[Any]]:
    """A key has five digits: which links, and four operations."""
    key = np.array(keys, np.int32)
    places = np.array([1000, 100, 10, 1])
    return {
        f"{prefix}hash": key,
        f"{prefix}links": np.array(LINKS, np.uint8)[key // 10_000],
        f"{prefix}ops": (key[:, None] // places % 10).astype(np.uint8),
    }


SOURCE = TableSource(
    originals={
        _WHEEL: Original(
            f"https://files.pythonhosted.org/packages/{_FOLDER}/{_WHEEL}",
            "f6ea43836262f1ee8d60c35bbbd20aa2536ee1f8492025e3b0b90096f5afc6ad",
        )
    },
    convert=convert,
)
