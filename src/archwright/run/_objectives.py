"""Objectives of a run that names none."""

from __future__ import annotations

import numpy as np

from archwright.estimate import NetworkCosts
from archwright.run._state import State
from archwright.supernet import extreme


def with_tightest(state: State) -> tuple[str, str]:
    """Accuracy and the cost whose limit is smallest against the largest network; parameters if nothing is limited."""
    limits = state.search_limits
    if not limits:
        return "accuracy", "params"
    largest = extreme(state.net.space, np.random.default_rng(state.config.seed), largest=True)
    costs = NetworkCosts(state.net, list(state.limits), table=state.latency_table)(largest)
    return "accuracy", min(limits, key=lambda name: limits[name] / max(costs[name], 1e-12))
