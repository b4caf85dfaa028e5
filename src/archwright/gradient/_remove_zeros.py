"""What a factor of zero cuts leaves: DSO-NAS."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, final

from archwright.errors import UserError
from archwright.gradient._relaxed import options_of
from archwright.gradient._schedule import Schedule, View, without
from archwright.space import Space


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class RemoveZeros(Schedule):
    """Options whose factor is exactly zero leave (Zhang, Huang, Wang 2018, section 3.3).

    The last of a variable stays, unless one of its options adds nothing: then that one stays. Of connections, which are
    there or not, those leave too that the canonical form of the space does without, because what they join is cut off.
    None leaves that a constraint of the space asks for.

    With input choices as variables of their own (`inputs="learned"`) a factor of zero there cuts edges.

    Args:
        every: epochs from one clean-up to the next, at least 1; there is one at the end of the search.

    Raises:
        UserError: `every` out of range.
    """

    every: int = 1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise UserError(f"every must be at least 1, got {self.every}")

    def __call__(self, space: Space, view: View) -> Space:
        if view.epoch % self.every and view.progress < 1:
            return space
        gone = {}
        for name, factors in view.alphas.items():
            real = factors[:-1] if name in view.zeros else factors
            empty = view.nothing.get(name, frozenset())
            spared = empty or {int(real.argmax())}
            gone[name] = [n for n, value in enumerate(real.tolist()) if value == 0.0 and n not in spared]
        return without(space, self._cleaned(space, view, gone))

    def _cleaned(self, space: Space, view: View, gone: dict[str, list[int]]) -> dict[str, list[int]]:
        """`gone`, for connections by what is cut off."""
        names = [n for n, empty in view.nothing.items() if len(empty) == 1 and len(options_of(space, n)) == 2]
        if not names:
            return gone
        off = {name: next(iter(view.nothing[name])) for name in names}
        values: dict[str, Any] = {v.name: options_of(space, v.name)[0] for v in space.variables}
        values |= {name: options_of(space, name)[1 - off[name]] for name in names}
        zero = {name: options_of(space, name)[off[name]] for name in names if gone[name]}
        values = _allowed(space, values, zero)
        clean = space.canonical(values)
        connections = {n: [1 - off[n]] if clean.get(n) == options_of(space, n)[off[n]] else [] for n in names}
        return {**gone, **connections}


def _allowed(space: Space, values: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with all changes, or if the space refuses that, with those of them one by one that it accepts."""
    whole = {**values, **changes}
    if whole in space:
        return whole
    for name, value in changes.items():
        if {**values, name: value} in space:
            values = {**values, name: value}
    return values
