"""Functions over search spaces with a known (or best known) minimum, on which strategies are compared."""

from archwright.bench.problems._ackley53 import Ackley53
from archwright.bench.problems._func2c import Func2C
from archwright.bench.problems._func3c import Func3C
from archwright.bench.problems._gradient_boosting_digits import GradientBoostingDigits
from archwright.bench.problems._load import PROBLEMS, problem
from archwright.bench.problems._max_sat60 import MaxSat60
from archwright.bench.problems._pest_control import PestControl
from archwright.bench.problems._problem import Problem
from archwright.bench.problems._relabelled import Relabelled
from archwright.bench.problems._rosenbrock import MixedRosenbrock
from archwright.bench.problems._svm import SvmDigits
from archwright.bench.problems._xgboost_digits import XGBoostDigits

__all__ = [
    "PROBLEMS",
    "Ackley53",
    "Func2C",
    "Func3C",
    "GradientBoostingDigits",
    "MaxSat60",
    "MixedRosenbrock",
    "PestControl",
    "Problem",
    "Relabelled",
    "SvmDigits",
    "XGBoostDigits",
    "problem",
]
