"""Published tables of trained networks, and how well estimators order them."""

from archwright.bench._benchmark import Benchmark
from archwright.bench._conv_macro import ConvMacro
from archwright.bench._entangled_cell import EntangledCell
from archwright.bench._evaluate import evaluate_estimators
from archwright.bench._hw_nas_bench import read_hw_nas_bench
from archwright.bench._load import BENCHMARKS, fetch, load, names
from archwright.bench._nas_bench_graph import NasBenchGraph
from archwright.bench._nasbench101 import NasBench101
from archwright.bench._nasbench201 import NasBench201
from archwright.bench._nasbench_macro import NasBenchMacro
from archwright.bench._nats_size import NatsSize
from archwright.bench._row import Row
from archwright.bench._tabular import Tabular
from archwright.bench._transnas import TransNasMacro, TransNasMicro

__all__ = [
    "BENCHMARKS",
    "Benchmark",
    "ConvMacro",
    "EntangledCell",
    "NasBench101",
    "NasBench201",
    "NasBenchGraph",
    "NasBenchMacro",
    "NatsSize",
    "Row",
    "Tabular",
    "TransNasMacro",
    "TransNasMicro",
    "evaluate_estimators",
    "fetch",
    "load",
    "names",
    "read_hw_nas_bench",
]
