"""Every table that can be had from its publishers."""

from __future__ import annotations

from archwright.bench.sources import (
    _nas_bench_graph,
    _nasbench101,
    _nasbench201,
    _nasbench201_fewshot,
    _nasbench201_hardware,
    _nasbench201_zerocost,
    _nasbench_macro,
    _nats_size,
    _tanglenas,
    _transnas,
)
from archwright.bench.sources._source import TableSource

SOURCES: dict[str, TableSource] = {
    "conv_macro.npz": _tanglenas.MACRO,
    "entangled_cell.npz": _tanglenas.CELL,
    "nasbench101.npz": _nasbench101.SOURCE,
    "nasbench201.npz": _nasbench201.SOURCE,
    "nasbench201_fewshot_scores.npz": _nasbench201_fewshot.SOURCE,
    "nasbench201_hardware.npz": _nasbench201_hardware.SOURCE,
    "nasbench201_zerocost.npz": _nasbench201_zerocost.SOURCE,
    "nasbench_graph.npz": _nas_bench_graph.SOURCE,
    "nasbench_macro.npz": _nasbench_macro.SOURCE,
    "nats_size_cifar10.npz": _nats_size.SOURCE,
    "transnasbench101.npz": _transnas.SOURCE,
}
"""Compact tables and what they are made of. Each conversion was run on the published files and gave, to the last bit,
the arrays that `content_digest` knows."""
