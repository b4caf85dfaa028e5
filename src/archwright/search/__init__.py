"""Black-box search strategies: `ask` for architectures, `tell` finished trials.

A strategy knows a space and trials, nothing of networks or data. The adapters to and from Optuna load it on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from archwright.search._local_search import LocalSearch
from archwright.search._nsga2 import NSGA2
from archwright.search._pareto import pareto
from archwright.search._predictor_guided import PredictorGuided
from archwright.search._random import Random
from archwright.search._registry import STRATEGIES, build, names
from archwright.search._regularized_evolution import RegularizedEvolution
from archwright.search._screened import Screened
from archwright.search._strategy import Proposal, Strategy

if TYPE_CHECKING:
    from archwright.search._bayesian_optimisation import BayesianOptimisation
    from archwright.search._casmopolitan import Casmopolitan
    from archwright.search._distributions import distributions, space_from_distributions
    from archwright.search._from_optuna import FromOptuna
    from archwright.search._optuna_sampler import OptunaSampler
    from archwright.search.fidelity import (
        BOHB,
        AsynchronousHalving,
        Hyperband,
        KernelDensity,
        LearningCurveStopping,
        MedianStopping,
        SuccessiveHalving,
    )
    from archwright.search.policy import PPO, Controller, PolicyGradient, Reinforce, Reward, clipped
    from archwright.search.progressive import ProgressiveNAS

__all__ = [
    "BOHB",
    "NSGA2",
    "PPO",
    "STRATEGIES",
    "AsynchronousHalving",
    "BayesianOptimisation",
    "Casmopolitan",
    "Controller",
    "FromOptuna",
    "Hyperband",
    "KernelDensity",
    "LearningCurveStopping",
    "LocalSearch",
    "MedianStopping",
    "OptunaSampler",
    "PolicyGradient",
    "PredictorGuided",
    "ProgressiveNAS",
    "Proposal",
    "Random",
    "RegularizedEvolution",
    "Reinforce",
    "Reward",
    "Screened",
    "Strategy",
    "SuccessiveHalving",
    "build",
    "clipped",
    "distributions",
    "names",
    "pareto",
    "space_from_distributions",
]


_LATER = {
    "BayesianOptimisation": "_bayesian_optimisation",
    "Casmopolitan": "_casmopolitan",
    "BOHB": "fidelity",
    "AsynchronousHalving": "fidelity",
    "Hyperband": "fidelity",
    "KernelDensity": "fidelity",
    "LearningCurveStopping": "fidelity",
    "MedianStopping": "fidelity",
    "SuccessiveHalving": "fidelity",
    "ProgressiveNAS": "progressive",
    "PPO": "policy",
    "Controller": "policy",
    "PolicyGradient": "policy",
    "Reinforce": "policy",
    "Reward": "policy",
    "clipped": "policy",
    "FromOptuna": "_from_optuna",
    "OptunaSampler": "_optuna_sampler",
    "distributions": "_distributions",
    "space_from_distributions": "_distributions",
}
"""Names that bring heavy packages, and the modules of this room they are in."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(f"archwright.search.{_LATER[name]}"), name)
    raise AttributeError(f"module 'archwright.search' has no attribute {name!r}")
