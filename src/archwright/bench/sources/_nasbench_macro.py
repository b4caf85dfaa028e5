"""NAS-Bench-Macro (Su et al. 2021): xiusu/NAS-Bench-Macro (Apache-2.0)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archwright.bench.sources._source import TableSource, github

_FILE = "data/nas-bench-macro_cifar10.json"


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[Any]]:
    """Eight digits of a network to its accuracies of three runs, parameters and multiply-accumulates."""
    rows = json.loads(files[_FILE].read_text(encoding="utf-8"))
    names = sorted(rows)
    return {
        "arch": np.array([list(map(int, name)) for name in names], np.uint8),
        "test_acc": np.array([rows[name]["test_acc"] for name in names], np.float32),
        "params": np.array([rows[name]["params"] for name in names], np.int32),
        "flops": np.array([rows[name]["flops"] for name in names], np.int64),
    }


SOURCE = TableSource(
    originals=github(
        "xiusu/NAS-Bench-Macro",
        "61a2bfc2ca0dce04d0997e6cf498047c27d6acf2",
        {_FILE: "686dee8363cc21cca8c1f321ad5749454f2d9b9ca5972682e137e539bc522297"},
    ),
    convert=convert,
)
