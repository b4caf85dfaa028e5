"""Black-box search strategies: `ask` for architectures, `tell` finished trials.

A strategy knows a space and trials, nothing of networks or data. The adapters to and from Optuna load it on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archwright.search._local_search import LocalSearch
from archwright.search._nsga2 import NSGA2
from archwright.search._pareto import pareto
from archwright.search._random import Random
from archwright.search._registry import STRATEGIES, build, names
from archwright.search._regularized_evolution import RegularizedEvolution
from archwright.search._screened import Screened
from archwright.search._strategy import Proposal, Strategy

if TYPE_CHECKING:
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

__all__ = [
    "BOHB",
    "NSGA2",
    "STRATEGIES",
    "AsynchronousHalving",
    "FromOptuna",
    "Hyperband",
    "KernelDensity",
    "LearningCurveStopping",
    "LocalSearch",
    "MedianStopping",
    "OptunaSampler",
    "Proposal",
    "Random",
    "RegularizedEvolution",
    "Screened",
    "Strategy",
    "SuccessiveHalving",
    "build",
    "distributions",
    "names",
    "pareto",
    "space_from_distributions",
]


_FIDELITY = frozenset(
    {
        "BOHB", "AsynchronousHalving", "Hyperband", "KernelDensity", "LearningCurveStopping", "MedianStopping",
        "SuccessiveHalving",
    }
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _FIDELITY:
        from archwright.search import fidelity

        return getattr(fidelity, name)
    if name in ("distributions", "space_from_distributions"):
        from archwright.search import _distributions

        return getattr(_distributions, name)
    if name == "FromOptuna":
        from archwright.search._from_optuna import FromOptuna

        return FromOptuna
    if name == "OptunaSampler":
        from archwright.search._optuna_sampler import OptunaSampler

        return OptunaSampler
    raise AttributeError(f"module 'archwright.search' has no attribute {name!r}")
