"""A tensor between two layers that a runtime keeps in 8 bits."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from archwright.compress._affine import Affine

BITS = 8


@final
class Stored(nn.Module):
    """Simulated storage of a tensor as unsigned integers: s (q - z), q = clamp(round(x / s) + z, low, high), rounded
    half to even before the zero point is added, as ONNX's QuantizeLinear does.

    Args:
        scale: step s, positive.
        zero: code z of 0.
        low, high: least and largest code, 0 <= low <= zero <= high <= 255; fewer than 8 bits have a smaller `high`.
    """

    scale: Tensor

    def __init__(self, scale: float | Tensor, zero: int, low: int = 0, high: int = 2**BITS - 1) -> None:
        super().__init__()
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32).detach().reshape(()).clone())
        self.zero, self.low, self.high = zero, low, high

    @classmethod
    def of(cls, quantiser: Affine) -> Stored:
        """The same grid as `quantiser`, which is one for a whole tensor."""
        return cls(quantiser.scale, int(quantiser.zero), 0, quantiser.levels)

    @property
    def key(self) -> tuple[float, int, int, int]:
        """Equal for equal grids."""
        return float(self.scale), self.zero, self.low, self.high

    @property
    def full(self) -> bool:
        """Whether all 256 codes are used."""
        return (self.low, self.high) == (0, 2**BITS - 1)

    def code(self, value: float) -> int:
        """Of one number."""
        return int(self.codes(torch.tensor(value)))

    def codes(self, x: Tensor) -> Tensor:
        """Integer codes as floats."""
        return ((x / self.scale).round() + self.zero).clamp(self.low, self.high)

    def clipped(self, least: float | None, most: float | None) -> Stored:
        """Of a tensor clipped to [least, most] first: clipping keeps the order, so it can be done to the codes."""
        low = self.low if least is None else max(self.low, self.code(least))
        high = self.high if most is None else min(self.high, self.code(most))
        return Stored(self.scale, self.zero, low, high)

    def forward(self, x: Tensor) -> Tensor:
        return (self.codes(x) - self.zero) * self.scale

    def extra_repr(self) -> str:
        return f"scale={float(self.scale):.6g}, zero={self.zero}, low={self.low}, high={self.high}"
