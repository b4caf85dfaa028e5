"""Every table that can be had from its publishers."""

from __future__ import annotations

from archwright.bench.sources import _nas_bench_graph, _nasbench_macro, _nats_size
from archwright.bench.sources._source import TableSource

SOURCES: dict[str, TableSource] = {
    "nasbench_graph.npz": _nas_bench_graph.SOURCE,
    "nasbench_macro.npz": _nasbench_macro.SOURCE,
    "nats_size_cifar10.npz": _nats_size.SOURCE,
}
"""Compact tables and what they are made of. Every conversion was run, and gave the content that `read_table` knows."""

ELSEWHERE: dict[str, str] = {
    "nasbench101.npz": "its publisher has only a file of 2 GB, nasbench_only108.tfrecord of google-research/nasbench, and of the "
    "smaller copies one is not to be had in full",
}
"""Why the others cannot be downloaded."""
