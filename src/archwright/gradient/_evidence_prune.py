"""Pruning by variance: BayesNAS."""

from __future__ import annotations

import dataclasses
from typing import final

from archwright.errors import UserError
from archwright.gradient._evidence import RelevanceMover, entropy
from archwright.gradient._schedule import Schedule, View, without
from archwright.space import Space


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class EvidencePrune(Schedule):
    """Once the parameters move, options whose switch has an entropy ln(2 pi e gamma) / 2 under the threshold leave;
    never the best (Zhou, Yang, Wang, Pan 2019, BayesNAS, section 4). For the update `AutomaticRelevance`.

    Args:
        threshold: nats; 0 is gamma = 0.0585.
        after: part of the search in which nothing leaves, in [0, 1).

    Raises:
        UserError: a setting out of range; when called, an update without variances.
    """

    threshold: float = 0.0
    after: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.after < 1:
            raise UserError(f"after must be in [0, 1), got {self.after}")

    def __call__(self, space: Space, view: View) -> Space:
        if not isinstance(view.mover, RelevanceMover):
            raise UserError("EvidencePrune reads the variances of AutomaticRelevance: take it as the update")
        if not view.moving or view.progress < self.after:
            return space
        gone = {}
        for name, gamma in zip(view.alphas, view.mover.gamma):
            places = view.places[name]
            real = gamma[places[:-1] if name in view.zeros else places]
            best = int(real.argmax())
            low = (entropy(real) < self.threshold).tolist()
            gone[name] = [n for n, under in enumerate(low) if under and n != best]
        return without(space, gone)
