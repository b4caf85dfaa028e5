"""The best mapping of a layer: orders of its loops, each with data kept as low as they fit."""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal

from archwright.cost.accelerator._accelerator import Accelerator
from archwright.cost.accelerator._cost import LayerCost, measure
from archwright.cost.accelerator._layer import Layer, Loop, Operand
from archwright.cost.accelerator._mapping import Mapping, Temporal, remaining, unroll
from archwright.cost.accelerator._nest import Nest, reused
from archwright.cost.accelerator._transfers import held
from archwright.errors import Infeasible, UserError, nearest

Goal = Literal["latency", "energy", "edp"]

GOALS: dict[str, Callable[[LayerCost], tuple[float, float]]] = {
    "latency": lambda found: (found.cycles.total, found.energy_pj),
    "energy": lambda found: (found.energy_pj, found.cycles.total),
    "edp": lambda found: (found.energy_pj * found.cycles.total, found.cycles.total),
}


@functools.lru_cache(maxsize=4096)
def search(layer: Layer, accelerator: Accelerator, goal: Goal = "edp", lpf_limit: int = 6) -> LayerCost:
    """The best of all orders of the layer's loops in time (LOMA, Symons et al., AICAS 2021).

    Loops are spread over the array as its axes prefer. What is left of them is cut into prime factors, the smallest
    multiplied until there are at most `lpf_limit` (or one a loop); each order of the factors is laid into the memories
    from below, each operand on its own, so that the least has to come from above. Results are kept in memory.

    Args:
        layer: the layer.
        accelerator: the chip.
        goal: `latency`, `energy` or `edp`, their product.
        lpf_limit: loop prime factors at most; 6 gives up to 720 orders, some tenths of a second.

    Raises:
        UserError: unknown goal, or a limit below 1.
        Infeasible: not even the data of one step fit a memory.
    """
    if goal not in GOALS:
        raise UserError(f"unknown goal {goal!r}{nearest(goal, GOALS)}")
    if lpf_limit < 1:
        raise UserError(f"lpf_limit must be at least 1, got {lpf_limit}")
    spatial = unroll(layer, accelerator)
    nest = Nest(layer, spatial)
    costs = (
        measure(nest, accelerator, allocate(nest, accelerator, order))
        for order in orders(factors(remaining(layer, spatial), lpf_limit))
    )
    return min(costs, key=GOALS[goal])


def factors(sizes: dict[Loop, int], limit: int) -> list[Temporal]:
    """Prime factors of all loops, the two smallest of a loop multiplied until there are at most `limit` of them.

    Where there are more loops than that, the two of the kernel go together, then the two of the image.
    """
    found = {loop: _primes(n) for loop, n in sizes.items() if n > 1}
    while sum(map(len, found.values())) > limit:
        several = [(parts[0] * parts[1], loop) for loop, parts in found.items() if len(parts) > 1]
        if not several:
            break
        product, loop = min(several)
        found[loop] = sorted([product, *found[loop][2:]])
    tokens: list[Temporal] = [((loop, n),) for loop, parts in found.items() for n in parts]
    for pair in (("FX", "FY"), ("OX", "OY")):
        together = [token for token in tokens if token[0][0] in pair]
        if len(tokens) > limit and len(together) == 2:
            tokens = [token for token in tokens if token not in together] + [(*together[0], *together[1])]
    return tokens


def _primes(n: int) -> list[int]:
    found, divisor = [], 2
    while divisor * divisor <= n:
        while n % divisor == 0:
            found.append(divisor)
            n //= divisor
        divisor += 1
    return found + [n] * (n > 1)


def orders(parts: list[Temporal]) -> Iterator[Temporal]:
    """Different orders of parts of which some are equal."""
    counts = Counter(parts)

    def rest(length: int) -> Iterator[Temporal]:
        if not length:
            yield ()
            return
        for part in counts:
            if counts[part]:
                counts[part] -= 1
                for tail in rest(length - 1):
                    yield (*part, *tail)
                counts[part] += 1

    return rest(len(parts))


def allocate(nest: Nest, accelerator: Accelerator, temporal: Temporal) -> Mapping:
    """How many of these loops run inside each memory, from below, so that the fewest bits come from the next one.

    Raises:
        Infeasible: what the level below asks for does not fit.
    """
    levels: dict[Operand, tuple[int, ...]] = dict.fromkeys(nest.layer.operands, ())
    for position, memory in enumerate(accelerator.memories):
        here = [operand for operand in nest.layer.operands if operand in memory.operands]
        if not here:
            continue
        options = [_options(nest, accelerator, temporal, operand, position, levels[operand]) for operand in here]
        fitting = [choice for choice in itertools.product(*options) if sum(o[1] for o in choice) <= memory.room]
        if not fitting:
            raise Infeasible(f"{memory.name} has no room for the data of one step of {nest.layer}")
        best = min(fitting, key=lambda choice: (sum(o[2] for o in choice), -sum(o[0] for o in choice)))
        for operand, (level, _, _) in zip(here, best):
            levels[operand] += (level,)
    return Mapping(spatial=nest.spatial, temporal=temporal, levels=tuple(levels.items()))


def _options(
    nest: Nest, accelerator: Accelerator, temporal: Temporal, operand: Operand, position: int, lower: tuple[int, ...]
) -> list[tuple[int, int, int]]:
    """Levels an operand may have in a memory: (loops, bits held, bits that come from above in all)."""
    spans = accelerator.memories[position].spans
    topmost = accelerator.chain(operand)[-1] == position
    start = len(temporal) if topmost else lower[-1] if lower else 0
    found = []
    for level in range(start, len(temporal) + 1):
        bits = held(nest, temporal, operand, spans, level)
        if bits > accelerator.memories[position].room:
            break
        times = math.prod(n for _, n in temporal[reused(operand, temporal, level) :])
        found.append((level, bits, 0 if topmost else bits * times * nest.instances(spans)))
    return found
