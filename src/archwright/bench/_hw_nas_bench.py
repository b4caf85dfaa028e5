"""Latencies and energies of HW-NAS-Bench from the file of its publishers."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archwright.bench.sources import read_arrays
from archwright.errors import UserError, nearest

_CELLS = 15_625
_UNITS = {"latency": "latency_ms", "energy": "energy_mj"}


def read_hw_nas_bench(path: str | Path, dataset: str = "cifar10") -> dict[str, NDArray[np.float64]]:
    """The columns of the NAS-Bench-201 space in `HW-NAS-Bench-v1_0.pickle` (Li et al., ICLR 2021, arXiv 2103.10584).

    Nothing in the file is run: containers, texts, NumPy numbers and arrays are all that is made from it.

    Args:
        path: of the file; https://github.com/GATECH-EIC/HW-NAS-Bench.
        dataset: `cifar10`, `cifar100` or `imagenet16-120`.

    Returns:
        (15625,) values by metric, in the order of the architectures of NAS-Bench-201: `latency_ms:<device>` and
        `energy_mj:<device>` for `edgegpu`, `raspi4`, `edgetpu`, `pixel3`, `eyeriss` and `fpga`, where present.

    Raises:
        UserError: no such file or data set, a file that names other things, or one that is not this table.
    """
    source = Path(path)
    if not source.is_file():
        raise UserError(f"no HW-NAS-Bench file at {source}")
    try:
        content = read_arrays(source.read_bytes())
        tables = {name.lower(): table for name, table in content["nasbench201"].items()}
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{source} is not HW-NAS-Bench: {error!r}") from error
    if dataset not in tables:
        raise UserError(f"HW-NAS-Bench has no measurements on {dataset!r}{nearest(dataset, tables)}")
    found = {}
    for name, column in tables[dataset].items():
        device, _, kind = str(name).rpartition("_")
        if kind in _UNITS:
            values = np.asarray(column, dtype=np.float64)
            if values.shape != (_CELLS,):
                raise UserError(f"{source}: {name} has shape {values.shape}, not ({_CELLS},)")
            found[f"{_UNITS[kind]}:{device}"] = values
    return found
