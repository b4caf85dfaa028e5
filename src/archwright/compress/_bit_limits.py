"""Limits on the bits of all layers of a network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, fx, nn

from archwright.compress._allocate import Limit
from archwright.compress._allocate_bits import FLOAT
from archwright.compress._quantised import Quantised, quantised_layers
from archwright.compress._trace import Layer, layers
from archwright.errors import UserError, nearest

Latencies = Mapping[str, Mapping[int, float]]
"""Milliseconds of every layer by bits."""


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class BitLimits:
    """What a network may cost.

    Args:
        size: fraction of the float32 size of the weights.
        bitops: fraction of the float32 bit operations, multiply-adds x bits of the weights x bits of the input.
        latency: sum over the layers, in milliseconds.
        latencies: what it is a sum of.

    Raises:
        UserError: fractions out of (0, 1], a latency without a table or a table without a latency.
    """

    size: float | None = None
    bitops: float | None = None
    latency: float | None = None
    latencies: Latencies | None = None

    def __post_init__(self) -> None:
        for name in ("size", "bitops"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and value <= 1):
                raise UserError(f"{name} must be a fraction of the float32 {name}, in (0, 1], got {value!r}")
        if (self.latency is None) != (self.latencies is None):
            raise UserError("latency needs latencies, milliseconds of every layer by bits, and these need it")
        if self.latency is not None and not self.latency > 0:
            raise UserError(f"latency must be milliseconds above 0, got {self.latency!r}")

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return any(limit is not None for limit in (self.size, self.bitops, self.latency))

    def of(
        self, options: Sequence[int], macs: Mapping[str, int], sizes: Sequence[int], inputs: int | None
    ) -> list[Limit]:
        """As costs of (layers, options).

        Args:
            options: bits.
            macs: multiply-adds of every layer, by name.
            sizes: weights of every layer.
            inputs: bits of the inputs; None: as the weights.
        """
        bits = np.asarray(options, dtype=np.float64)
        found = []
        if self.size is not None:
            found.append(Limit("size", _share(list(sizes))[:, None] * bits / FLOAT, self.size))
        if self.bitops is not None:
            products = bits * (bits if inputs is None else float(inputs)) / FLOAT**2
            found.append(Limit("bitops", _share(list(macs.values()))[:, None] * products, self.bitops))
        if self.latency is not None and self.latencies is not None:
            found.append(Limit("latency", _looked_up(self.latencies, list(macs), options), self.latency))
        return found


def _share(counts: Sequence[int]) -> np.ndarray:
    values = np.asarray(counts, dtype=np.float64)
    return values / values.sum()


def _looked_up(latencies: Latencies, names: Sequence[str], options: Sequence[int]) -> np.ndarray:
    strange = next((name for name in latencies if name not in names), None)
    if strange is not None:
        raise UserError(f"latencies of an unknown layer {strange!r}{nearest(strange, names)}")
    missing = [name for name in names if name not in latencies]
    if missing:
        raise UserError(f"latencies lack {len(missing)} of {len(names)} layers, such as {missing[0]!r}")
    return np.array([[float(latencies[name].get(bits, np.inf)) for bits in options] for name in names])


@torch.no_grad()
def positions(graph: fx.GraphModule, samples: tuple[Tensor, ...]) -> dict[str, int]:
    """How often the weights of every layer are applied for one sample.

    Args:
        graph: of plain or quantised layers.
        samples: a small batch for it.
    """
    count = len(samples[0])
    known: dict[str, Layer | Quantised] = dict(quantised_layers(graph) or layers(graph))
    found = dict.fromkeys(known, 0)

    def counted(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, args: Any, out: Tensor) -> None:
            found[name] += out.numel() // count // _channels(known[name])

        return hook

    handles = [module.register_forward_hook(counted(name)) for name, module in known.items()]
    try:
        graph(*samples)
    finally:
        for handle in handles:
            handle.remove()
    return found


def bitops_of(graph: fx.GraphModule, samples: Tensor | tuple[Tensor, ...]) -> float:
    """Bit operations of all quantised layers as a fraction of those of float32: multiply-adds x bits of the weights x
    bits of the input.

    Args:
        graph: as `quantize` gives it.
        samples: a small batch for it; a tuple of several inputs.
    """
    places = positions(graph, samples if isinstance(samples, tuple) else (samples,))
    total = spent = 0.0
    for name, module in quantised_layers(graph).items():
        macs = places[name] * module.layer.weight.numel()
        total += macs * FLOAT**2
        spent += macs * _bits(module.weights) * _bits(module.inputs)
    return spent / total


def _bits(grid: nn.Module | None) -> int:
    return FLOAT if grid is None else int(grid.bits)  # type: ignore[arg-type]


def _channels(module: Layer | Quantised) -> int:
    return len(module.layer.weight if isinstance(module, Quantised) else module.weight)
