"""Memories of an accelerator and the ports through which operands flow."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

from archwright.cost.accelerator._layer import Operand
from archwright.errors import UserError

Flow = Literal["fill", "read", "store", "drain"]
"""Written from the level above, read by the level below, written by the level below, read to the level above."""

FLOWS: tuple[Flow, ...] = ("fill", "read", "store", "drain")
OUTWARDS: frozenset[Flow] = frozenset({"read", "drain"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Port:
    """What goes through one port of a memory, one after the other.

    Args:
        flows: pairs of operand and direction.
        width: bits a cycle; infinity: never a bottleneck.
        word: bits of one access, as the energy of an access is given; None: `width`.
        granule: least bits that can be moved; None: `word`.

    Raises:
        UserError: an unlimited port without `word`, or a number that is not above 0.
    """

    flows: tuple[tuple[Operand, Flow], ...]
    width: float
    word: int | None = None
    granule: int | None = None

    def __post_init__(self) -> None:
        if self.word is None and math.isinf(self.width):
            raise UserError("a port of unlimited width needs word, the bits of one access")
        if not (self.width > 0 and self._word > 0 and self._granule > 0):
            raise UserError(f"width, word and granule of a port must be above 0, got {self}")

    @property
    def _word(self) -> float:
        return self.width if self.word is None else self.word

    @property
    def _granule(self) -> float:
        return self._word if self.granule is None else self.granule

    def cycles(self, bits: float) -> int:
        """To move this many bits."""
        return math.ceil(bits / self.width)

    def accesses(self, bits: float) -> float:
        """Of the energy's size, for this many bits moved at once."""
        return math.ceil(bits / self._granule) * self._granule / self._word


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memory:
    """A level of the hierarchy.

    Args:
        name: for reports.
        size: bytes of one instance; infinity: everything fits.
        operands: what it may hold.
        read: energy of an access in pJ.
        write: the same.
        ports: each flow of each operand in exactly one of them.
        spans: axes of the array that one instance serves; empty: there is one for each unit.
        hop: energy in pJ of a byte on its way between the level above and one instance (network on chip).
        double_buffered: half of it is filled while the other half is used.

    Raises:
        UserError: a flow is missing or in two ports, or nothing fits.
    """

    name: str
    size: float
    operands: tuple[Operand, ...]
    read: float
    write: float
    ports: tuple[Port, ...]
    spans: tuple[str, ...] = ()
    hop: float = 0.0
    double_buffered: bool = False

    def __post_init__(self) -> None:
        if not self.size > 0:
            raise UserError(f"size of {self.name} must be above 0, got {self.size}")
        flows = [flow for port in self.ports for flow in port.flows]
        for flow in flows:
            if flows.count(flow) > 1:
                raise UserError(f"{self.name}: {' '.join(flow)} is in more than one port")

    def port(self, operand: Operand, flow: Flow) -> Port:
        """Through which an operand flows.

        Raises:
            UserError: no port is for it.
        """
        for port in self.ports:
            if (operand, flow) in port.flows:
                return port
        raise UserError(f"{self.name} has no port for {operand} {flow}")

    @property
    def room(self) -> float:
        """Bits for data in use."""
        return 8 * self.size / (2 if self.double_buffered else 1)


def flows(*operands: Operand, only: tuple[Flow, ...] = FLOWS) -> tuple[tuple[Operand, Flow], ...]:
    """All directions of some operands, or `only` some."""
    return tuple((operand, flow) for operand in operands for flow in only)
