"""Functions over search spaces with a known (or best known) minimum, on which strategies are compared."""

from archwright.bench.problems._load import PROBLEMS, problem
from archwright.bench.problems._problem import Problem

__all__ = ["PROBLEMS", "Problem", "problem"]
