"""Learning-rate schedules: pure functions from a position in training to a factor of the base rate.

`epoch` counts from the end of warm-up and is fractional (update / updates per epoch); `epochs` is the length of the
part after warm-up, `math.inf` while a time budget has not fixed it yet (every schedule then stays where it is at its
start, the BigNAS one decays as usual since it does not depend on the end).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

ScheduleName = Literal["cosine", "linear", "constant", "exponential-constant"]


def cosine(epoch: float, epochs: float) -> float:
    """`(1 + cos(pi epoch / epochs)) / 2`: 1 at the start, 0 at the end (Loshchilov and Hutter 2017, eq. 5, one
    cycle)."""
    return 0.5 * (1.0 + math.cos(math.pi * min(epoch / epochs, 1.0)))


def linear(epoch: float, epochs: float) -> float:
    """`1 - epoch / epochs`."""
    return 1.0 - min(epoch / epochs, 1.0)


def constant(epoch: float, epochs: float) -> float:
    """1."""
    return 1.0


def exponential_constant(epoch: float, epochs: float) -> float:
    """`max(0.97^(epoch / 2.4), 0.05)`: exponential with constant ending (Yu et al. 2020, BigNAS).

    The floor is reached 236.05 epochs after warm-up, whatever `epochs` is: small sub-networks need a rate that does
    not vanish.
    """
    return max(0.97 ** (epoch / 2.4), 0.05)


SCHEDULES: Mapping[str, Callable[[float, float], float]] = {
    "cosine": cosine,
    "linear": linear,
    "constant": constant,
    "exponential-constant": exponential_constant,
}


def factor(schedule: ScheduleName, update: int, *, updates_per_epoch: int, epochs: float, warmup: float = 0.0) -> float:
    """Factor of the base learning rate for one optimiser update.

    Args:
        schedule: name of the schedule.
        update: index of the update, from 0.
        updates_per_epoch: optimiser updates in an epoch.
        epochs: planned epochs, warm-up included; `math.inf` if not known yet.
        warmup: epochs of linear warm-up; its last update has factor 1 and its first is above 0.

    Returns:
        A number in [0, 1].
    """
    warm = round(warmup * updates_per_epoch)
    if update < warm:
        return (update + 1) / warm
    rest = max(epochs - warm / updates_per_epoch, 1 / updates_per_epoch)
    return SCHEDULES[schedule]((update - warm) / updates_per_epoch, rest)
