"""Problems by name."""

from __future__ import annotations

import inspect
from typing import Any

from archwright.bench.problems._problem import Problem
from archwright.errors import UserError, nearest
from archwright.registry import Registry

PROBLEMS = Registry(
    "problem",
    {
        "ackley53": "archwright.bench.problems._ackley53:Ackley53",
        "ackley53-relabelled": "archwright.bench.problems._relabelled:relabelled_ackley53",
        "func2c": "archwright.bench.problems._func2c:Func2C",
        "func3c": "archwright.bench.problems._func3c:Func3C",
        "gradient-boosting-digits": "archwright.bench.problems._gradient_boosting_digits:GradientBoostingDigits",
        "maxsat60": "archwright.bench.problems._max_sat60:MaxSat60",
        "maxsat60-relabelled": "archwright.bench.problems._relabelled:relabelled_maxsat60",
        "pest-control": "archwright.bench.problems._pest_control:PestControl",
        "rosenbrock": "archwright.bench.problems._rosenbrock:MixedRosenbrock",
        "svm": "archwright.bench.problems._svm:SvmDigits",
        "xgboost-digits": "archwright.bench.problems._xgboost_digits:boosting_digits",
    },
)


def problem(name: str, **settings: Any) -> Problem:
    """A problem.

    Args:
        name: one of `PROBLEMS.names()`.
        **settings: arguments of its constructor, such as `noise`.

    Raises:
        UserError: unknown name or setting; data it needs are not at hand.
    """
    constructor = PROBLEMS.load(name)
    allowed = list(inspect.signature(constructor).parameters)
    for setting in settings:
        if setting not in allowed:
            raise UserError(f"problem {name!r} has no setting {setting!r}{nearest(setting, allowed)}")
    found: Problem = constructor(**settings)
    return found
