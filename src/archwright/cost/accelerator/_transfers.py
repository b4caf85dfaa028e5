"""What flows between neighbouring memories, and how often."""

from __future__ import annotations

import dataclasses
import math

from archwright.cost.accelerator._accelerator import Accelerator
from archwright.cost.accelerator._layer import Operand
from archwright.cost.accelerator._mapping import Mapping, Temporal
from archwright.cost.accelerator._memory import Flow
from archwright.cost.accelerator._nest import Nest, repeats, reused, sums
from archwright.errors import Infeasible


@dataclasses.dataclass(frozen=True, slots=True)
class Transfer:
    """One direction of one operand at one memory.

    Args:
        operand: which.
        memory: position of the memory.
        boundary: position of the upper memory in the operand's chain; 0: between it and the multipliers.
        flow: direction.
        elements: moved at once, by one instance.
        bits: of an element.
        times: how often, by one instance.
        instances: of the memory.
        period: cycles between two.
        window: cycles of a period in which it may happen.
        first: elements of the first (of outputs: the last) that computing has to wait for.
    """

    operand: Operand
    memory: int
    boundary: int
    flow: Flow
    elements: int
    bits: int
    times: int
    instances: int
    period: int
    window: int
    first: int

    @property
    def load(self) -> float:
        """Bits moved at once."""
        return self.elements * self.bits


@dataclasses.dataclass(frozen=True, slots=True)
class _Boundary:
    """Between a memory and the one below it, or the multipliers."""

    operand: Operand
    position: int
    above: int
    below: int | None
    level: int  # temporal loops below
    window: int
    exposed: int  # loops below of which the first (last) transfer must be waited for


def transfers(nest: Nest, accelerator: Accelerator, mapping: Mapping) -> list[Transfer]:
    """All of them; those of the multipliers themselves, the innermost read and store, are among them.

    An operand is fetched into a memory again by every loop above the innermost relevant loop above that memory. While a
    memory is more than half full its data can be replaced only during the last of the repetitions that use them; less
    full, or double-buffered, at any time (Mei et al., DATE 2022).

    Raises:
        Infeasible: the data of a level do not fit.
    """
    loose = _loose(nest, accelerator, mapping)
    found: list[Transfer] = []
    for operand in nest.layer.operands:
        chain = accelerator.chain(operand)
        levels = [0 if operand == "O" else reused(operand, mapping.temporal, 0)]
        levels += [reused(operand, mapping.temporal, level) for level in mapping.of(operand)[:-1]]
        for i, (above, level) in enumerate(zip(chain, levels)):
            below = chain[i - 1] if i else None
            period = math.prod(n for _, n in mapping.temporal[:level])
            last = operand == "O" and period == mapping.cycles  # results that leave once, when they are finished
            free = below is not None and loose[below] and not last
            window = period if free else period // repeats(operand, mapping.temporal[:level])
            streams = below is None or not accelerator.memories[below].spans
            start = levels[i - 1] if operand == "O" and i else 0 if streams else level
            boundary = _Boundary(operand, i, above, below, level, window, start)
            found += _outputs(nest, accelerator, mapping, boundary) if operand == "O" else _inputs(
                nest, accelerator, mapping, boundary
            )  # fmt: skip
    return found


def _loose(nest: Nest, accelerator: Accelerator, mapping: Mapping) -> list[bool]:
    """For each memory whether new data can come while the old are in use."""
    found = []
    for position, memory in enumerate(accelerator.memories):
        used = 0
        for operand in nest.layer.operands:
            if operand in memory.operands:
                level = mapping.of(operand)[accelerator.chain(operand).index(position)]
                used += held(nest, mapping.temporal, operand, memory.spans, level)
        if used > memory.room:
            raise Infeasible(f"{memory.name} has room for {memory.room:.0f} bits, the mapping needs {used}")
        found.append(memory.double_buffered or used <= 0.5 * memory.room)
    return found


def held(nest: Nest, temporal: Temporal, operand: Operand, spans: tuple[str, ...], level: int) -> int:
    """Bits of an operand in one instance of a memory below which `level` temporal loops run."""
    partial = operand == "O" and (sums(temporal[level:]) > 1 or nest.merged(spans))
    return nest.elements(operand, temporal[:level], spans) * nest.layer.bits(operand, partial=partial)


def _inputs(nest: Nest, accelerator: Accelerator, mapping: Mapping, at: _Boundary) -> list[Transfer]:
    found = [_transfer(nest, accelerator, mapping, at, at.above, "read", partial=False)]
    if at.below is not None:
        found.append(_transfer(nest, accelerator, mapping, at, at.below, "fill", partial=False))
    return found


def _outputs(nest: Nest, accelerator: Accelerator, mapping: Mapping, at: _Boundary) -> list[Transfer]:
    """Results upwards; where they are unfinished, also back downwards."""
    unfinished = sums(mapping.temporal[at.level :])
    partial = unfinished > 1 or nest.merged(accelerator.memories[at.above].spans)
    found = [_transfer(nest, accelerator, mapping, at, at.above, "store", partial=partial)]
    if at.below is not None:
        lower = unfinished > 1 or nest.merged(accelerator.memories[at.below].spans)
        found.append(_transfer(nest, accelerator, mapping, at, at.below, "drain", partial=lower))
    if unfinished > 1:
        again = 0 if accelerator.first_sums else 1
        skipped = again * found[0].times // unfinished
        backs: list[tuple[int, Flow]] = [(at.above, "read")]
        backs += [(at.below, "fill")] if at.below is not None else []
        for memory, flow in backs:
            back = _transfer(nest, accelerator, mapping, at, memory, flow, partial=True)
            found.append(dataclasses.replace(back, times=back.times - skipped, first=0))
    return found


def _transfer(
    nest: Nest,
    accelerator: Accelerator,
    mapping: Mapping,
    at: _Boundary,
    memory: int,
    flow: Flow,
    *,
    partial: bool,
) -> Transfer:
    spans = accelerator.memories[memory].spans
    below, above = mapping.temporal[: at.level], mapping.temporal[at.level :]
    elements = nest.elements(at.operand, below, spans)
    once = not above or math.prod(n for _, n in above) == 1
    first = nest.elements(at.operand, mapping.temporal[: at.exposed], spans) if once else elements
    return Transfer(
        operand=at.operand,
        memory=memory,
        boundary=at.position,
        flow=flow,
        elements=elements,
        bits=nest.layer.bits(at.operand, partial=partial),
        times=math.prod(n for _, n in above),
        instances=nest.instances(spans),
        period=math.prod(n for _, n in below),
        window=at.window,
        first=min(first, elements),
    )
