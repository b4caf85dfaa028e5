"""Columns of published text tables."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def csv_column(path: Path, name: str) -> NDArray[np.float64]:
    """A column of numbers of a CSV file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return np.array([float(row[name]) for row in csv.DictReader(file)])


def single(column: NDArray[Any]) -> NDArray[np.float32]:
    """In single precision; what does not fit becomes infinite without a warning."""
    with np.errstate(over="ignore"):
        return np.asarray(column).astype(np.float32)
