"""NAS-Bench-101 (Ying et al. 2019).

Test accuracies and parameters: NiccoloCavagnero/FreeREA (MIT). Validation accuracies and times of the first rows:
tiga1231/nasbench-vis (no licence stated).
"""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archwright.bench._nasbench101_cell import OPERATIONS
from archwright.bench.sources._columns import single
from archwright.bench.sources._nasbench101_cells import all_cells
from archwright.bench.sources._pickled import read_frame
from archwright.bench.sources._source import TableSource, github

_MEANS = "cached_metrics/nasbench101/cifar10"
_FIRST = "static/data/data-20k.json"
_logger = logging.getLogger(__name__)


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[Any]]:
    """Columns in the order of the hash of the cells, which are enumerated."""
    test, params = (
        read_frame(gzip.decompress(files[f"{_MEANS}/{file}.pkl.gz"].read_bytes()))[column]
        for file, column in (("accuracies", "accuracy"), ("params", "params"))
    )
    first = json.loads(files[_FIRST].read_text(encoding="utf-8"))
    _logger.info("nasbench101: enumerating 423,624 cells, about two minutes")
    vertices, edges, operations = all_cells()
    return {
        "op_names": np.array(OPERATIONS),
        "n_vertices": vertices,
        "adj_bits": edges,
        "ops": operations,
        "test108": single(test),
        "params": np.rint(1e6 * params).astype(np.int32),
        "first_train_time108": single(first["final_training_time"]),
        **{f"first_val{n}": single(first[f"{n}_final_validation_accuracy"]) for n in (4, 12, 36, 108)},
    }


SOURCE = TableSource(
    originals={
        **github(
            "NiccoloCavagnero/FreeREA",
            "9c2a726cd3adf526c43ae52a515a8fc5ea927fe7",
            {
                f"{_MEANS}/accuracies.pkl.gz": "84bcca117040f6f499e81743baee1ffaa3865f014bc7489fb1833dc06905f55e",
                f"{_MEANS}/params.pkl.gz": "1b312e23917a312c6fc6f356e579ba1166870e6671f7cb1c093685a2558a1e6a",
            },
        ),
        **github(
            "tiga1231/nasbench-vis",
            "7aec0e76fbcd963371799af25f78223069897b58",
            {_FIRST: "7eaca9658aebf16443d3df5b38e61fe75d85787abc485cfc9a2088328443c3e9"},
        ),
    },
    convert=convert,
)
