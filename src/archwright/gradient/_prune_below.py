"""Anneal and prune."""

from __future__ import annotations

import dataclasses
from typing import final

from archwright.errors import UserError
from archwright.gradient._schedule import Schedule, View, without
from archwright.space import Space


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class PruneBelow(Schedule):
    """Once the parameters move, options whose probability is under threshold / (number of options at the start) leave;
    never the likeliest (Noy et al. 2020, ASAP, algorithm 1).

    Args:
        threshold: in (0, 1).

    Raises:
        UserError: a threshold out of range.
    """

    threshold: float = 0.4

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise UserError(f"threshold must be in (0, 1), got {self.threshold}")

    def __call__(self, space: Space, view: View) -> Space:
        if not view.moving:
            return space
        gone = {}
        for name, p in view.probabilities.items():
            real = p[:-1] if name in view.zeros else p
            under = self.threshold / view.options[name]
            gone[name] = [n for n, value in enumerate(real.tolist()) if value < under and n != int(real.argmax())]
        return without(space, gone)
