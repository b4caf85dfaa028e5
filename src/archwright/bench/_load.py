"""Benchmarks by name."""

from __future__ import annotations

from pathlib import Path

from archwright.bench._benchmark import Benchmark
from archwright.bench._table_file import table_path
from archwright.registry import Registry

BENCHMARKS = Registry(
    "benchmark",
    {
        "conv-macro": "archwright.bench._conv_macro:ConvMacro",
        "entangled-cell": "archwright.bench._entangled_cell:EntangledCell",
        "nas-bench-graph": "archwright.bench._nas_bench_graph:NasBenchGraph",
        "nasbench101": "archwright.bench._nasbench101:NasBench101",
        "nasbench201": "archwright.bench._nasbench201:NasBench201",
        "nasbench-macro": "archwright.bench._nasbench_macro:NasBenchMacro",
        "nats-size": "archwright.bench._nats_size:NatsSize",
        "transnas-macro": "archwright.bench._transnas:TransNasMacro",
        "transnas-micro": "archwright.bench._transnas:TransNasMicro",
    },
)


def names() -> list[str]:
    """Names of the registered benchmarks."""
    return BENCHMARKS.names()


def load(name: str, dataset: str | None = None, *, root: str | Path | None = None) -> Benchmark:
    """A benchmark with its table.

    A table that is not there is downloaded from its publishers, checked and converted, into the first of the folders.

    Args:
        name: one of `names()`.
        dataset: what its networks were trained on; None: the first of its `datasets`.
        root: folder that holds `nas/`; None: `$ARCHWRIGHT_DATA`, then the cache folder.

    Raises:
        UserError: unknown name or data set; the table is neither there nor to be had, or was cut short or changed.
    """
    found: Benchmark = BENCHMARKS.load(name)(dataset=dataset, root=None if root is None else Path(root))
    return found


def fetch(name: str, *, root: str | Path | None = None) -> list[Path]:
    """Every table that a benchmark can use, downloaded where it is not there; `load` alone needs only the first.

    Args:
        name: one of `names()`.
        root: folder that holds `nas/`; None: `$ARCHWRIGHT_DATA`, then the cache folder.

    Returns:
        Where the tables are.

    Raises:
        UserError: unknown name; a table is neither there nor to be had.
    """
    tables: tuple[str, ...] = BENCHMARKS.load(name).tables
    return [table_path(file, None if root is None else Path(root)) for file in tables]
