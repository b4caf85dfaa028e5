"""Affine-invariant ensemble sampling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def stretch(
    log_density: Callable[[Array], Array],
    start: Array,
    steps: int,
    rng: np.random.Generator,
    *,
    a: float = 2.0,
    thin: int = 1,
) -> Array:
    """Draws by the stretch move (Goodman, Weare 2010, eq. 7), half of the walkers at a time.

    A walker X goes to Y + z (X - Y) for a random walker Y of the other half, z with density 1 / sqrt(z) on [1/a, a],
    accepted with probability min(1, z^(d-1) p(new) / p(old)).

    Args:
        log_density: of points of shape (W, d), up to a constant, shape (W,); minus infinity where there is none.
        start: walkers, shape (W, d), W even, at least 2 d, all with a finite density.
        steps: moves of every walker.
        rng: random numbers.
        a: largest stretch, above 1.
        thin: keep every `thin`-th step.

    Returns:
        The kept steps, shape (steps // thin, W, d).
    """
    walkers, dim = start.shape
    half = walkers // 2
    x, density = start.copy(), log_density(start)
    kept = np.empty((steps // thin, walkers, dim))
    for step in range(steps):
        for mine, other in ((slice(0, half), slice(half, walkers)), (slice(half, walkers), slice(0, half))):
            count = len(x[mine])
            z = (1 + (a - 1) * rng.random(count)) ** 2 / a
            partners = x[other][rng.integers(len(x[other]), size=count)]
            proposed = partners + z[:, None] * (x[mine] - partners)
            new = log_density(proposed)
            accepted = np.log(rng.random(count)) < (dim - 1) * np.log(z) + new - density[mine]
            x[mine] = np.where(accepted[:, None], proposed, x[mine])
            density[mine] = np.where(accepted, new, density[mine])
        if step % thin == thin - 1 and step // thin < len(kept):
            kept[step // thin] = x
    return kept
