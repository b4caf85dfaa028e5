"""NATS-Bench size (Dong et al. 2021) on CIFAR-10: changlin31/BossNAS, as published with Li et al. 2021."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archwright.bench.sources._source import TableSource, github

_FILE = "ranking_nats/nats_cifar10_acc_rank.yml"
_LINE = re.compile(r"^'?(\d+:\d+:\d+:\d+:\d+)'?: ([\d.]+)$", re.MULTILINE)


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[Any]]:
    """Lines `'8:16:24:32:40': 87.59`: five widths and test accuracy, in the order of the file."""
    rows = _LINE.findall(files[_FILE].read_text(encoding="utf-8"))
    return {
        "channels": np.array([list(map(int, widths.split(":"))) for widths, _ in rows], np.uint8),
        "c10_acc": np.array([float(accuracy) for _, accuracy in rows], np.float32),
    }


SOURCE = TableSource(
    originals=github(
        "changlin31/BossNAS",
        "bb8b26a09e3ae7889dd118950b022be6b3ce99a0",
        {_FILE: "8e625bd6821c439d0f99cd7fc5c59177d31d4651d333c4d4b2d47a4181273b8a"},
    ),
    convert=convert,
)
