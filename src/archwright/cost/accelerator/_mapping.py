"""How a loop nest is laid out on an array in space, time and memories."""

from __future__ import annotations

import dataclasses
import math

from archwright.cost.accelerator._accelerator import Accelerator
from archwright.cost.accelerator._layer import LOOPS, Layer, Loop, Operand
from archwright.errors import Infeasible, UserError

Spatial = tuple[tuple[str, Loop, int], ...]
Temporal = tuple[tuple[Loop, int], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mapping:
    """Loops in space, in time, and which of them run inside which memory.

    Args:
        spatial: axis of the array, loop, units it is spread over.
        temporal: loop and iterations, the innermost first; a loop may come several times.
        levels: for each operand and each memory of its chain, how many temporal loops run on what the memory holds;
            not decreasing, the last is all of them.
    """

    spatial: Spatial
    temporal: Temporal
    levels: tuple[tuple[Operand, tuple[int, ...]], ...]

    def of(self, operand: Operand) -> tuple[int, ...]:
        """The levels of one operand."""
        return dict(self.levels)[operand]

    @property
    def cycles(self) -> int:
        """Steps in time."""
        return math.prod(n for _, n in self.temporal)


def unroll(layer: Layer, accelerator: Accelerator) -> Spatial:
    """Loops spread over the array as its axes prefer: evenly, so that no more units are used than save steps."""
    left = layer.sizes
    found = []
    for axis in accelerator.axes:
        room = axis.size
        for loop in axis.loops:
            steps = math.ceil(left[loop] / room)
            units = math.ceil(left[loop] / steps)
            if units > 1:
                found.append((axis.name, loop, units))
                left[loop], room = steps, room // units
    return tuple(found)


def remaining(layer: Layer, spatial: Spatial) -> dict[Loop, int]:
    """Iterations in time of every loop."""
    return {
        loop: math.ceil(size / math.prod(n for _, name, n in spatial if name == loop))
        for loop, size in layer.sizes.items()
    }


def check(layer: Layer, accelerator: Accelerator, mapping: Mapping) -> None:
    """Nothing, for a mapping that covers the layer and fits the array; whether data fit is seen where it is counted.

    Raises:
        UserError: levels do not match the memories.
        Infeasible: more units than an axis has, or iterations are missing.
    """
    for axis in accelerator.axes:
        used = math.prod(n for name, _, n in mapping.spatial if name == axis.name)
        if used > axis.size:
            raise Infeasible(f"{used} units of axis {axis.name}, which has {axis.size}")
    for loop in LOOPS:
        n = math.prod(n for _, name, n in mapping.spatial if name == loop)
        n *= math.prod(n for name, n in mapping.temporal if name == loop)
        if n < layer.sizes[loop]:
            raise Infeasible(f"loop {loop} runs {n} times, the layer needs {layer.sizes[loop]}")
    for operand in layer.operands:
        levels = mapping.of(operand)
        right = len(levels) == len(accelerator.chain(operand)) and levels[-1] == len(mapping.temporal)
        if not right or list(levels) != sorted(levels):
            raise UserError(f"levels of {operand} must rise to {len(mapping.temporal)} over its memories, got {levels}")
