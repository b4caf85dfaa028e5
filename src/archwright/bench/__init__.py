"""Published tables of trained networks, and how well estimators order them."""

from archwright.bench._benchmark import Benchmark
from archwright.bench._load import BENCHMARKS, load, names
from archwright.bench._nasbench201 import NasBench201

__all__ = ["BENCHMARKS", "Benchmark", "NasBench201", "load", "names"]
