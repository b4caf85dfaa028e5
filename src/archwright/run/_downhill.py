"""Descent in a space along neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable

from archwright.space import Arch, Space

_STEPS = 200


def downhill(
    space: Space, start: Arch, loss: Callable[[Arch], float], *, enough: float = -math.inf, steps: int = _STEPS
) -> Arch:
    """From `start` to the best neighbour, again and again, until no neighbour is better: a local minimum of `loss`.

    Args:
        space: of the architectures.
        start: a member of it.
        loss: finite; called for every neighbour on the way.
        enough: stop at a loss no higher than this.
        steps: moves at most.
    """
    best, lowest = start, loss(start)
    for _ in range(steps):
        if lowest <= enough:
            break
        found = min(space.neighbours(best), key=loss, default=best)
        if loss(found) >= lowest:
            break
        best, lowest = found, loss(found)
    return best
