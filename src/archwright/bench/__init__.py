"""Published tables of trained networks and problems with known optima: estimators and strategies are judged on them."""

from archwright.bench._benchmark import Benchmark
from archwright.bench._conv_macro import ConvMacro
from archwright.bench._entangled_cell import EntangledCell
from archwright.bench._evaluate import evaluate_estimators
from archwright.bench._evaluate_strategies import evaluate_strategies
from archwright.bench._hw_nas_bench import read_hw_nas_bench
from archwright.bench._judge import Judge, Judgement
from archwright.bench._load import BENCHMARKS, fetch, load, names
from archwright.bench._nas_bench_graph import NasBenchGraph
from archwright.bench._nasbench101 import NasBench101
from archwright.bench._nasbench201 import NasBench201
from archwright.bench._nasbench_macro import NasBenchMacro
from archwright.bench._nats_size import NatsSize
from archwright.bench._pretrained import CifarResNet, Pretrained, pretrained
from archwright.bench._problem_judge import ProblemJudge
from archwright.bench._row import Row
from archwright.bench._run import Run
from archwright.bench._standing import Standing, standings
from archwright.bench._strategy_row import StrategyRow
from archwright.bench._table_judge import TableJudge
from archwright.bench._tabular import Tabular
from archwright.bench._transnas import TransNasMacro, TransNasMicro
from archwright.bench.problems import PROBLEMS, Problem, problem

__all__ = [
    "BENCHMARKS",
    "PROBLEMS",
    "Benchmark",
    "CifarResNet",
    "ConvMacro",
    "EntangledCell",
    "Judge",
    "Judgement",
    "NasBench101",
    "NasBench201",
    "NasBenchGraph",
    "NasBenchMacro",
    "NatsSize",
    "Pretrained",
    "Problem",
    "ProblemJudge",
    "Row",
    "Run",
    "Standing",
    "StrategyRow",
    "TableJudge",
    "Tabular",
    "TransNasMacro",
    "TransNasMicro",
    "evaluate_estimators",
    "evaluate_strategies",
    "fetch",
    "load",
    "names",
    "pretrained",
    "problem",
    "read_hw_nas_bench",
    "standings",
]
