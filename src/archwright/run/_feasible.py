"""Can the limits be met at all? Answered from costs alone, before anything is trained."""

from __future__ import annotations

import numpy as np

from archwright.errors import Infeasible
from archwright.estimate import NetworkCosts
from archwright.run._downhill import downhill
from archwright.run._limits import missed
from archwright.run._state import State
from archwright.space import Arch
from archwright.supernet import extreme
from archwright.trial import Trial, broken, excess

_RANDOM = 32


def feasible(state: State) -> Arch | None:
    """An architecture within the limits: the smallest, a random one, or what lies downhill from the nearest of them.

    Returns:
        None if nothing is limited.

    Raises:
        Infeasible: none was found; names the nearest and by how much it misses.
    """
    limits = state.search_limits
    if not limits:
        return None
    costs = NetworkCosts(state.net, list(state.limits), table=state.latency_table)
    rng = np.random.default_rng(state.config.seed)
    space = state.net.space
    seen = [extreme(space, rng, largest=False), *(space.sample(rng) for _ in range(_RANDOM))]
    for arch in seen:
        if not broken(costs(arch), limits):
            return arch
    start = min(seen, key=lambda a: excess(costs(a), limits))
    nearest = downhill(space, start, lambda a: excess(costs(a), limits), enough=0.0)
    if broken(costs(nearest), limits):
        trials = [Trial(number=i, arch=a, metrics=costs(a)) for i, a in enumerate([*seen, nearest])]
        raise Infeasible(missed(trials, limits))
    return nearest
