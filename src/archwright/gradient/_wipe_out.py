"""Experts that can no longer win leave: XNAS."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, final

from archwright.errors import UserError
from archwright.gradient._exponentiated import ExpertMover
from archwright.gradient._schedule import Schedule, View, without
from archwright.space import Space


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class WipeOut(Schedule):
    """After every step the experts leave that can no longer win: ln v_i < max_j ln v_j - 2 eta L (T - t) (Nayman et al.
    2019, XNAS, lemma 1); it needs `ExponentiatedGradient`."""

    stepwise: ClassVar[bool] = True

    def __call__(self, space: Space, view: View) -> Space:
        if not isinstance(view.mover, ExpertMover):
            raise UserError("WipeOut reads the horizon of ExponentiatedGradient; take that update, or PruneBelow")
        gone = {}
        for n, (name, alpha) in enumerate(view.alphas.items()):
            if view.mover.horizon[n]:
                least = float(alpha.max()) - view.mover.margin(n)
                real = alpha[:-1] if name in view.zeros else alpha
                best = int(real.argmax())
                gone[name] = [i for i, value in enumerate(real.tolist()) if value < least and i != best]
        return without(space, gone)
