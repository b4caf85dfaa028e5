"""Objectives of a run."""

from __future__ import annotations

import numpy as np

from archwright.estimate import NetworkCosts
from archwright.run._estimators import estimators
from archwright.run._state import State
from archwright.supernet import extreme


def objectives(state: State) -> tuple[str, ...]:
    """Those that the request names, accuracy meaning what the estimator says is good; without any, that and the cost
    whose limit is smallest against the largest network, or parameters if nothing is limited."""
    main = next((judge.objective for judge in estimators(state.config, state.net, state.splits)), "accuracy")
    if state.config.objectives:
        return tuple(main if name == "accuracy" else name for name in state.config.objectives)
    return main, _tightest(state)


def _tightest(state: State) -> str:
    limits = state.search_limits
    if not limits:
        return "params"
    largest = extreme(state.net.space, np.random.default_rng(state.config.seed), largest=True)
    costs = NetworkCosts(state.net, list(state.limits), table=state.latency_table)(largest)
    return min(limits, key=lambda name: limits[name] / max(costs[name], 1e-12))
