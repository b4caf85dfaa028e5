"""How the answer of a run, or a network of one's own, is compressed."""

from __future__ import annotations

import dataclasses
from typing import Literal

from archwright.compress import METHODS, PRUNERS
from archwright.errors import UserError, nearest
from archwright.train import Trainer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prune:
    """How a network is pruned.

    Args:
        method: one of `compress.PRUNERS`.
        sparsity: share of the weights that is zero in the end, of channels for `"structured"`, in [0, 1).
        scope: whether weights are compared across layers or the same share goes in each; null: across layers, channels
            within each.
        classifier: whether the last linear layer is pruned, too.
        trainer: of methods that train, null: their own; others fine-tune with it, null: they do not.
        distil: whether weights that are trained learn from the unpruned network, too.
    """

    method: str = "magnitude"
    sparsity: float = 0.8
    scope: Literal["global", "layer"] | None = None
    classifier: bool = True
    trainer: Trainer | None = None
    distil: bool = False

    def __post_init__(self) -> None:
        if self.method not in PRUNERS:
            raise UserError(f"unknown method {self.method!r}{nearest(self.method, PRUNERS)}")
        if not 0 <= self.sparsity < 1:
            raise UserError(f"sparsity must be in [0, 1), got {self.sparsity}")
        if self.distil and self.trainer is None and PRUNERS[self.method].needs != "splits":
            raise UserError(f"distil is of training, and {self.method} trains only with a trainer")

    @property
    def name(self) -> str:
        """For files and tables."""
        return f"{self.method}-{100 * self.sparsity:g}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quantize:
    """How a network is quantised.

    Args:
        method: one of `compress.METHODS`.
        bits: of weights and activations, 2 to 16; with a limit, the fewest that a layer may get.
        activation_bits: of activations; None: as the weights.
        ends: bits of the first and the last layer; None: as all others.
        size: fraction of the float32 size that the weights may take: bits of every layer by integer programming.
        bitops: the same for bit operations: multiply-adds x bits of the weights x bits of the input.
        latency: milliseconds that the layers may take together, by `latencies`.
        latencies: file of JSON, {layer: {bits: milliseconds}}, measured on the device; layers as a report names them.
        samples: unlabelled training samples for calibration, at least 2.
    """

    method: str = "adaquant"
    bits: int = 8
    activation_bits: int | None = None
    ends: int | None = 8
    size: float | None = None
    bitops: float | None = None
    latency: float | None = None
    latencies: str | None = None
    samples: int = 1000

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UserError(f"unknown method {self.method!r}{nearest(self.method, METHODS)}")
        for name in ("bits", "activation_bits", "ends"):
            value = getattr(self, name)
            if value is not None and not 2 <= value <= 16:
                raise UserError(f"{name} must be from 2 to 16, got {value}")
        for name in ("size", "bitops"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise UserError(f"{name} must be in (0, 1], got {value}")
        if (self.latency is None) != (self.latencies is None):
            raise UserError("a limit on the latency needs latency, in ms, and latencies, a file of JSON")
        if self.samples < 2:
            raise UserError(f"samples must be at least 2, got {self.samples}")

    def check_reachable(self) -> None:
        """Raises UserError if no network can keep the limits, so that a run does not find out after its search."""
        inputs = self.activation_bits or self.bits
        for name, least in (("size", self.bits / 32), ("bitops", self.bits * inputs / 32**2)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UserError(
                    f"{name} {value:g} cannot be reached: layers of at least {self.bits} bits take {least:g} or more"
                )

    @property
    def name(self) -> str:
        """For files and tables."""
        width = f"w{self.bits}a{self.activation_bits or self.bits}"
        limits = {"size": self.size, "bitops": self.bitops, "latency": self.latency}
        return "-".join([self.method, width, *(f"{n}{v:g}" for n, v in limits.items() if v is not None)])
