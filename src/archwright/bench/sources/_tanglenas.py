"""The two tables of TangleNAS (Sukthanker et al. 2023): automl/TangleNAS (no licence stated)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archwright.bench.sources._pickled import read_numbers
from archwright.bench.sources._source import TableSource, github

_REPOSITORY = "automl/TangleNAS", "20aa4b119db0b60fa6172464aa24ec628024f54a"
_MACRO = "toy_benchmarks/conv_macro_bench.pkl"
_CELL = "toy_benchmarks/entangled_cell_ss_benchmark.pkl"
_OPERATIONS = ("dil_conv_3x3", "dil_conv_5x5", "sep_conv_3x3", "sep_conv_5x5")
_TYPES = ("normal", "reduce")
_EDGE = re.compile(r"'(\w+)', (\d)")
_COLUMNS = (
    *("test_acc", "train_acc", "num_params"),
    *("latency_gpu_mean", "latency_gpu_std", "latency_cpu_mean", "latency_cpu_std"),
)


def convert_macro(files: Mapping[str, Path]) -> dict[str, NDArray[Any]]:
    """Texts `[[8, 16, 32, 64], [3, 3, 3, 3]]`, widths and kernels, to accuracies."""
    rows = read_numbers(files[_MACRO].read_bytes())
    numbers = np.array([list(map(int, re.findall(r"\d+", text))) for text in rows], np.uint16)
    return {"widths": numbers[:, :4], "kernels": numbers[:, 4:], **_columns(rows, _COLUMNS[:2])}


def convert_cell(files: Mapping[str, Path]) -> dict[str, NDArray[Any]]:
    """Texts `Genotype(normal=[('sep_conv_3x3', 0), ...], ..., reduce=[...], ...)` to measurements."""
    rows = read_numbers(files[_CELL].read_bytes())
    edges = [[(_OPERATIONS.index(op), int(i)) for op, i in _EDGE.findall(text)] for text in rows]
    return {
        "op_names": np.array(_OPERATIONS),
        "cell_names": np.array(_TYPES),
        "arch": np.array(edges, np.uint8).reshape(len(rows), len(_TYPES), 3, 2),
        **_columns(rows, _COLUMNS),
    }


def _columns(rows: Mapping[str, Mapping[str, float]], names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    return {name: np.array([row[name] for row in rows.values()], np.float32) for name in names}


MACRO = TableSource(
    originals=github(*_REPOSITORY, {_MACRO: "3c2035ec5aa371d0743cdb43813890fa55be7b788c676204aaa94b89b00022f6"}),
    convert=convert_macro,
)
CELL = TableSource(
    originals=github(*_REPOSITORY, {_CELL: "2a3b831c9be79e36e746ee0556968ca80272de1d54c7874ff0bc7b986240a64b"}),
    convert=convert_cell,
)
