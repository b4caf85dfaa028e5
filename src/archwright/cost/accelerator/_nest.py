"""Tiles of a mapped loop nest: what a prefix of the temporal loops touches inside one instance of a memory."""

from __future__ import annotations

import math
from collections.abc import Sequence

from archwright.cost.accelerator._layer import LOOPS, RELEVANT, Layer, Loop, Operand
from archwright.cost.accelerator._mapping import Spatial, Temporal

_POSITION: dict[Loop, int] = {loop: i for i, loop in enumerate(LOOPS)}


class Nest:
    """A layer spread over an array in one way; orders in time share what was counted for others.

    Args:
        layer: the layer.
        spatial: how it is spread.
    """

    def __init__(self, layer: Layer, spatial: Spatial) -> None:
        self.layer, self.spatial = layer, spatial
        self._known: dict[tuple[Operand, tuple[int, ...]], int] = {}
        self._bases: dict[tuple[str, ...], tuple[int, ...]] = {}

    def tile(self, temporal: Temporal, spans: tuple[str, ...]) -> tuple[int, ...]:
        """Iterations of each loop, in the order of `LOOPS`, of these temporal loops on the units of these axes."""
        if spans not in self._bases:
            self._bases[spans] = tuple(
                math.prod(n for axis, name, n in self.spatial if name == loop and axis in spans) for loop in LOOPS
            )
        sizes = list(self._bases[spans])
        for loop, n in temporal:
            sizes[_POSITION[loop]] *= n
        return tuple(sizes)

    def elements(self, operand: Operand, temporal: Temporal, spans: tuple[str, ...]) -> int:
        """Different elements of an operand in such a tile."""
        tile = self.tile(temporal, spans)
        key = (operand, tile)
        if key not in self._known:
            self._known[key] = self.layer.elements(operand, dict(zip(LOOPS, tile)))
        return self._known[key]

    def instances(self, spans: tuple[str, ...]) -> int:
        """Busy instances of a memory that spans these axes."""
        return math.prod(n for axis, _, n in self.spatial if axis not in spans)

    def merged(self, spans: tuple[str, ...]) -> bool:
        """Whether sums of several such instances still have to be added to one output."""
        return any(loop not in RELEVANT["O"] for axis, loop, _ in self.spatial if axis not in spans)


def reused(operand: Operand, temporal: Temporal, level: int) -> int:
    """`level`, moved up over the loops directly above it that ask for the same data again."""
    while level < len(temporal) and temporal[level][0] not in RELEVANT[operand]:
        level += 1
    return level


def repeats(operand: Operand, temporal: Sequence[tuple[Loop, int]]) -> int:
    """Iterations of the outermost loops that ask for the same data again and again."""
    found = 1
    for loop, n in reversed(temporal):
        if loop in RELEVANT[operand]:
            break
        found *= n
    return found


def sums(temporal: Sequence[tuple[Loop, int]]) -> int:
    """Iterations of the loops that add to the same output."""
    return math.prod(n for loop, n in temporal if loop not in RELEVANT["O"])
