"""Scores without training as NAS-Bench-Suite-Zero (Krishnakumar et al. 2022) keeps them: automl/NASLib (Apache-2.0)."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

REPOSITORY = "automl/NASLib"
Cell = tuple[int, ...]
Row = Callable[[Cell], int]
"""Where an architecture, as the digits of its text, stands in the table."""


def digits(text: str) -> Cell:
    """`(1, 0, 2)` as a tuple."""
    return tuple(map(int, re.findall(r"\d+", text)))


def archived(path: Path, benchmark: str, dataset: str) -> Iterator[tuple[Cell, Mapping[str, Any]]]:
    """Architectures and their records in a zip of lists, `<score>/benchmark--<benchmark>--<dataset>--<start>.json`."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if f"benchmark--{benchmark}--{dataset}--" in name:
                yield from ((digits(record["arch"]), record) for record in json.loads(archive.read(name)))


def full_columns(
    records: Iterator[tuple[Cell, Mapping[str, Any]]], score: str, row: Row, n: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A score and the accuracy beside it, (n,) each."""
    found = np.full((2, n), np.nan, np.float32)
    for cell, record in records:
        found[:, row(cell)] = record[score]["score"], record["val_accuracy"]
    return found[0], found[1]


def some_columns(
    records: Mapping[str, Mapping[str, Any]], scores: Sequence[str], row: Row
) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Rows of the few architectures with many scores, in the order of the file, and the scores; NaN where absent."""
    rows = np.array([row(digits(text)) for text in records], np.int16)
    values = [[record.get(score, {}).get("score", np.nan) for score in scores] for record in records.values()]
    return rows, np.array(values)
