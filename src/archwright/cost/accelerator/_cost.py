"""Energy and latency of one layer on one accelerator under one mapping."""

from __future__ import annotations

import dataclasses
import math

from archwright.cost.accelerator._accelerator import Accelerator
from archwright.cost.accelerator._latency import Cycles, cycles
from archwright.cost.accelerator._layer import Layer, Operand
from archwright.cost.accelerator._mapping import Mapping, check
from archwright.cost.accelerator._memory import OUTWARDS
from archwright.cost.accelerator._nest import Nest
from archwright.cost.accelerator._transfers import Transfer, transfers


@dataclasses.dataclass(frozen=True, kw_only=True)
class LayerCost:
    """What a layer costs.

    Args:
        layer: the layer.
        mapping: how it is laid out.
        transfers: what flows where.
        mac_pj: energy of the multiplications.
        memory_pj: energy of the accesses by operand and memory, from the multipliers outwards.
        hop_pj: energy of the network on chip.
        cycles: where the time goes.
        ideal_cycles: with every unit busy all the time.
        bound_cycles: roofline, which no mapping can beat.
        megahertz: clock.
    """

    layer: Layer
    mapping: Mapping
    transfers: tuple[Transfer, ...]
    mac_pj: float
    memory_pj: tuple[tuple[Operand, str, float], ...]
    hop_pj: float
    cycles: Cycles
    ideal_cycles: int
    bound_cycles: int
    megahertz: float

    @property
    def energy_pj(self) -> float:
        """Everything."""
        return self.mac_pj + sum(pj for _, _, pj in self.memory_pj) + self.hop_pj

    @property
    def latency_ms(self) -> float:
        """At the clock of the accelerator."""
        return self.cycles.total / self.megahertz * 1e-3

    @property
    def utilisation(self) -> float:
        """Share of the array that works, over the whole time."""
        return self.ideal_cycles / self.cycles.total

    def off_chip_bytes(self, operand: Operand) -> int:
        """Moved between the outermost memory and the one below, in both directions."""
        outermost = max(t.memory for t in self.transfers)
        bits = sum(t.load * t.times for t in self.transfers if t.memory == outermost and t.operand == operand)
        return math.ceil(bits / 8)


def evaluate(layer: Layer, accelerator: Accelerator, mapping: Mapping) -> LayerCost:
    """Cost of one mapping (Mei et al., IEEE TC 2021; latency: DATE 2022).

    Energy is `MACs * e_mac + sum of accesses * e_access + bytes * e_hop`, where the accesses of a flow are elements at
    once x times x instances x bits / bits of an access. Cycles are those of `Cycles`.

    Raises:
        UserError: levels do not match the memories.
        Infeasible: the mapping does not cover the layer, or data do not fit.
    """
    check(layer, accelerator, mapping)
    return measure(Nest(layer, mapping.spatial), accelerator, mapping)


def measure(nest: Nest, accelerator: Accelerator, mapping: Mapping) -> LayerCost:
    """`evaluate` for a mapping known to cover the layer."""
    found = transfers(nest, accelerator, mapping)
    energy: dict[tuple[Operand, str], float] = {}
    hops = 0.0
    for t in found:
        memory = accelerator.memories[t.memory]
        accesses = memory.port(t.operand, t.flow).accesses(t.load) * t.times * t.instances
        key = (t.operand, memory.name)
        energy[key] = energy.get(key, 0.0) + accesses * (memory.read if t.flow in OUTWARDS else memory.write)
        if t.flow in ("fill", "drain"):
            hops += memory.hop * t.load / 8 * t.times * t.instances
    layer = nest.layer
    return LayerCost(
        layer=layer,
        mapping=mapping,
        transfers=tuple(found),
        mac_pj=layer.macs * accelerator.mac,
        memory_pj=tuple((operand, name, pj) for (operand, name), pj in energy.items()),
        hop_pj=hops,
        cycles=cycles(accelerator, found, mapping.cycles),
        ideal_cycles=math.ceil(layer.steps / accelerator.units),
        bound_cycles=roofline(layer, accelerator),
        megahertz=accelerator.megahertz,
    )


def roofline(layer: Layer, accelerator: Accelerator) -> int:
    """Cycles that no mapping can beat: all units busy, or every operand through the outermost port once."""
    outermost = accelerator.memories[-1]
    bits: dict[int, float] = {}
    for operand in layer.operands:
        port = outermost.port(operand, "store" if operand == "O" else "read")
        position = outermost.ports.index(port)
        bits[position] = bits.get(position, 0.0) + layer.elements(operand) * layer.bits(operand)
    moving = max(outermost.ports[position].cycles(n) for position, n in bits.items())
    return max(math.ceil(layer.steps / accelerator.units), moving)
