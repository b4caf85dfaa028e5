"""An array of multipliers with its memories."""

from __future__ import annotations

import dataclasses
import math

from archwright.cost.accelerator._layer import Loop, Operand
from archwright.cost.accelerator._memory import Memory
from archwright.errors import UserError


@dataclasses.dataclass(frozen=True)
class Axis:
    """One dimension of the array.

    Args:
        name: as `Memory.spans` names it.
        size: units along it.
        loops: loops to spread over it, the first as far as possible, then the next.
    """

    name: str
    size: int
    loops: tuple[Loop, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Accelerator:
    """A chip: multipliers, memories, clock.

    Args:
        name: for reports.
        axes: the array.
        memories: from the multipliers outwards; the last is off chip and holds everything.
        mac: energy of a multiply-accumulate in pJ.
        megahertz: clock.
        weight_bits: of the data types it computes in.
        activation_bits: of inputs and finished outputs.
        partial_bits: of unfinished sums.
        first_sums: whether the first partial sum of an output is read back as well, though it is zero.

    Raises:
        UserError: an operand is not held by the last memory, or a memory spans an unknown axis.
    """

    name: str
    axes: tuple[Axis, ...]
    memories: tuple[Memory, ...]
    mac: float
    megahertz: float
    weight_bits: int = 8
    activation_bits: int = 8
    partial_bits: int = 16
    first_sums: bool = False

    def __post_init__(self) -> None:
        if not self.memories or set(self.memories[-1].operands) != {"W", "I", "O"}:
            raise UserError(f"{self.name}: the last memory must hold W, I and O")
        names = {axis.name for axis in self.axes}
        for memory in self.memories:
            if unknown := set(memory.spans) - names:
                raise UserError(
                    f"{self.name}: {memory.name} spans unknown axes {sorted(unknown)}; there are {sorted(names)}"
                )

    @property
    def units(self) -> int:
        """Multipliers."""
        return math.prod(axis.size for axis in self.axes)

    def chain(self, operand: Operand) -> tuple[int, ...]:
        """Positions of the memories that hold an operand, from the multipliers outwards."""
        return tuple(i for i, memory in enumerate(self.memories) if operand in memory.operands)
