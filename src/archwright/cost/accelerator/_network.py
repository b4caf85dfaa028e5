"""Energy and latency of a whole network on an accelerator."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from torch import Tensor, nn

from archwright.cost.accelerator._accelerator import Accelerator
from archwright.cost.accelerator._cost import LayerCost
from archwright.cost.accelerator._presets import ACCELERATORS
from archwright.cost.accelerator._recorder import Bits, layers
from archwright.cost.accelerator._search import Goal, search


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AcceleratorCost:
    """A network on an accelerator, one layer after the other, each with its activations from and to the last memory.

    Args:
        accelerator: its name.
        energy_mj: energy of a forward pass in millijoules.
        latency_ms: time of a forward pass.
        bound_ms: roofline: what no mapping can beat.
        utilisation: share of the multipliers that work, over the whole time.
        layers: different layers, how often each comes, in the order of the first.
    """

    accelerator: str
    energy_mj: float
    latency_ms: float
    bound_ms: float
    utilisation: float
    layers: tuple[tuple[LayerCost, int], ...]


def accelerator_cost(
    module: nn.Module,
    input: Tensor | Sequence[int],  # noqa: A002
    accelerator: Accelerator | str = "eyeriss",
    *,
    goal: Goal = "edp",
    lpf_limit: int = 5,
) -> AcceleratorCost:
    """Energy and latency that an analytical model gives for a forward pass (Mei et al., ZigZag, IEEE TC 2021).

    Convolutions, matrix products, pooling and additions are mapped one by one; normalisation and activation are free.
    The data types are those of the accelerator, whatever the module's. It is a prediction, good for comparing
    networks; the model of the same accelerator in another paper may count differently.

    Args:
        module: any module that takes one tensor.
        input: the tensor or its shape, batch first.
        accelerator: `eyeriss`, `tpu-like` or one of your own.
        goal: what each layer's mapping is chosen for: `latency`, `energy` or `edp`, their product.
        lpf_limit: of `search`; 5 takes about a tenth of a second for a layer not seen before.

    Raises:
        UserError: unknown accelerator or goal.
        Infeasible: a memory is too small for a step of a layer.
    """
    chip: Accelerator = ACCELERATORS.load(accelerator)() if isinstance(accelerator, str) else accelerator
    bits = Bits(weight=chip.weight_bits, activation=chip.activation_bits, partial=chip.partial_bits)
    counts = Counter(layers(module, input, bits=bits))
    found = [(search(layer, chip, goal, lpf_limit), count) for layer, count in counts.items()]
    cycles = sum(cost.cycles.total * count for cost, count in found)
    return AcceleratorCost(
        accelerator=chip.name,
        energy_mj=sum(cost.energy_pj * count for cost, count in found) * 1e-9,
        latency_ms=cycles / chip.megahertz * 1e-3,
        bound_ms=sum(cost.bound_cycles * count for cost, count in found) / chip.megahertz * 1e-3,
        utilisation=sum(cost.ideal_cycles * count for cost, count in found) / cycles if cycles else 0.0,
        layers=tuple(found),
    )
