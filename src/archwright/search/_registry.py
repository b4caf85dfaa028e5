"""Strategies by the names that a person types."""

from __future__ import annotations

import inspect
from typing import Any

from archwright.errors import UserError, nearest
from archwright.registry import Registry
from archwright.search._strategy import Strategy
from archwright.space import Space

STRATEGIES = Registry(
    "strategy",
    {
        "random": "archwright.search._random:Random",
        "regularized-evolution": "archwright.search._regularized_evolution:RegularizedEvolution",
        "nsga2": "archwright.search._nsga2:NSGA2",
        "local-search": "archwright.search._local_search:LocalSearch",
        "reinforce": "archwright.search.policy._reinforce:Reinforce",
        "ppo": "archwright.search.policy._ppo:PPO",
        "successive-halving": "archwright.search.fidelity:SuccessiveHalving",
        "asynchronous-halving": "archwright.search.fidelity:AsynchronousHalving",
        "hyperband": "archwright.search.fidelity:Hyperband",
        "bohb": "archwright.search.fidelity:BOHB",
        "kernel-density": "archwright.search.fidelity:KernelDensity",
        "median-stopping": "archwright.search.fidelity:MedianStopping",
        "learning-curve-stopping": "archwright.search.fidelity:LearningCurveStopping",
        "gp": "archwright.search._bayesian_methods:gp",
        "tw-nas": "archwright.search._bayesian_methods:tw_nas",
        "nasbot": "archwright.search._bayesian_methods:nasbot",
        "string-kernel-bo": "archwright.search._bayesian_methods:string_kernel_bo",
        "casmopolitan": "archwright.search._casmopolitan:Casmopolitan",
        "predictor": "archwright.search._predictor_guided:PredictorGuided",
        "pnas": "archwright.search.progressive._progressive:ProgressiveNAS",
        "screening": "archwright.search._screened:screening",
        "area": "archwright.search._screened:area",
        "optuna-gp": "archwright.search._from_optuna:gp",
        "optuna-tpe": "archwright.search._from_optuna:tpe",
        "optuna-nsga2": "archwright.search._from_optuna:nsga2",
        "optuna-random": "archwright.search._from_optuna:random",
        "pymoo-ga": "archwright.search._from_pymoo:ga",
        "pymoo-nsga2": "archwright.search._from_pymoo:nsga2",
    },
)


def names() -> list[str]:
    """Every registered strategy, sorted."""
    return STRATEGIES.names()


def build(name: str, space: Space, **settings: Any) -> Strategy:
    """The strategy called `name` on `space`.

    Args:
        name: one of `names()`.
        space: where to search.
        **settings: arguments of its constructor: objectives, limits, seed and its own.

    Raises:
        UserError: unknown name or setting, or a value out of range.
    """
    constructor = STRATEGIES.load(name)
    allowed = [p for p in inspect.signature(constructor).parameters if p != "space"]
    for setting in settings:
        if setting not in allowed:
            raise UserError(f"strategy {name!r} has no setting {setting!r}{nearest(setting, allowed)}")
    return constructor(space, **settings)
