"""The most relevant: BayesNAS."""

from __future__ import annotations

import dataclasses
from typing import final

from archwright.errors import UserError
from archwright.gradient._derivation import Derivation, Session, answer
from archwright.gradient._evidence import RelevanceMover
from archwright.gradient._relaxed import Relaxed
from archwright.space import Arch


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Posterior(Derivation):
    """The option of the largest variance of every variable, and of every cell's node the inputs whose edges have the
    largest (Zhou, Yang, Wang, Pan 2019, BayesNAS). For the update `AutomaticRelevance`.

    Raises:
        UserError: when called, an update without variances.
    """

    def __call__(self, relaxed: Relaxed, session: Session) -> Arch:
        mover = relaxed.mover
        if not isinstance(mover, RelevanceMover):
            raise UserError("Posterior reads the variances of AutomaticRelevance: take it as the update")
        scores = {}
        for name, gamma, edge in zip(relaxed.names, mover.gamma, mover.edge_gamma.tolist()):
            alive = relaxed.alive(name)
            values = gamma[alive].tolist()
            scale = edge / max(values) if edge < float("inf") else 1.0  # the best of an edge stands for the edge
            scores[name] = {relaxed.variables[name].options[i]: scale * v for i, v in zip(alive, values)}
        return answer(relaxed, session, scores)
