"""What a factor of zero cuts leaves: DSO-NAS."""

from __future__ import annotations

import dataclasses
from typing import final

from archwright.gradient._schedule import Schedule, View, without
from archwright.space import Space


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class RemoveZeros(Schedule):
    """Options whose factor is exactly zero leave; the last of a variable stays (Zhang, Huang, Wang 2018, section 3.3).

    With input choices as variables of their own (`inputs="learned"`) a factor of zero there cuts edges.
    """

    def __call__(self, space: Space, view: View) -> Space:
        gone = {}
        for name, factors in view.alphas.items():
            real = factors[:-1] if name in view.zeros else factors
            best = int(real.argmax())
            gone[name] = [n for n, value in enumerate(real.tolist()) if value == 0.0 and n != best]
        return without(space, gone)
