"""Power-exponent quantisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from archwright.compress._affine import check_bits
from archwright.errors import UserError

EXPONENTS = (0.2, 1.2)


def levels(bits: int, *, signed: bool = True) -> int:
    """Largest code: 2^(b-1) - 1 with a sign, 2^b - 1 without."""
    return 2 ** (check_bits(bits) - 1) - 1 if signed else 2**bits - 1


def encode(x: Tensor, bits: int, exponent: float | Tensor, maximum: Tensor, *, signed: bool = True) -> Tensor:
    """Integer codes round(L sign(x) (|x| / m)^a), as floats (Yvinec et al. 2023, PowerQuant, equation 5). 0 is 0.

    Args:
        x: any shape.
        bits: 2 to 16.
        exponent: a, > 0; 1 is the symmetric uniform grid, below it fine near 0.
        maximum: m, broadcast against x; larger magnitudes saturate.
        signed: whether negative values have codes.
    """
    most = levels(bits, signed=signed)
    share = (x.abs() / maximum.clamp_min(1e-12)).clamp_max(1.0)
    u = most * torch.sign(x) * share**exponent
    return u.round() if signed else u.round().clamp_min(0.0)


def decode(codes: Tensor, bits: int, exponent: float | Tensor, maximum: Tensor, *, signed: bool = True) -> Tensor:
    """sign(q) m (|q| / L)^(1/a)."""
    return torch.sign(codes) * maximum * (codes.abs() / levels(bits, signed=signed)) ** (1.0 / exponent)


class _Quantise(torch.autograd.Function):
    """Encoding and decoding with gradients that stay finite at 0, where the chain rule gives infinity times zero."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, exponent: Tensor, maximum: Tensor, bits: int, signed: bool) -> Tensor:
        codes = encode(x, bits, exponent, maximum, signed=signed)
        found = decode(codes, bits, exponent, maximum, signed=signed)
        ctx.save_for_backward(x, exponent, maximum, codes, found)
        ctx.levels, ctx.signed = levels(bits, signed=signed), signed
        return found

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (grad,) = grads
        x, exponent, maximum, codes, found = ctx.saved_tensors
        share = (x.abs() / maximum.clamp_min(1e-12)).clamp(1e-12, 1.0)
        inside = (x.abs() <= maximum) & (ctx.signed | (x >= 0))
        used = codes.abs().clamp_min(1.0)
        slope = (ctx.levels * share**exponent / used) * share.log() - (used / ctx.levels).log() / exponent
        by_exponent = torch.where(codes != 0, found / exponent * slope, 0.0)
        by_maximum = torch.where(x.abs() > maximum, torch.sign(found), 0.0) * grad
        return grad * inside, (grad * by_exponent).sum(), by_maximum.sum_to_size(maximum.shape), None, None


@final
class Power(nn.Module):
    """Simulated quantisation on a power grid: products of codes are codes of products, so scalar multiplication stays
    an integer operation (Yvinec et al. 2023, PowerQuant).

    Gradients: straight through to x inside the range; to the exponent the composite of encoding and decoding, which is
    the rounding residual alone and finite everywhere; to the maximum where x saturates.

    Args:
        bits: 2 to 16.
        exponent: of the grid, in [0.2, 1.2].
        maximum: largest magnitude, a scalar or one for each channel, broadcast against the input.
        signed: whether negative values have codes.

    Raises:
        UserError: unsupported bits, an exponent out of range.
    """

    def __init__(self, bits: int, exponent: float, maximum: Tensor, *, signed: bool = True) -> None:
        super().__init__()
        if not EXPONENTS[0] <= exponent <= EXPONENTS[1]:
            raise UserError(f"exponent must be in [{EXPONENTS[0]}, {EXPONENTS[1]}], got {exponent}")
        self.bits, self.signed = check_bits(bits), signed
        self.exponent = nn.Parameter(torch.tensor(float(exponent)))
        self.maximum = nn.Parameter(maximum.detach().clone())

    def codes(self, x: Tensor) -> Tensor:
        """Integer codes as floats."""
        return encode(x, self.bits, self.exponent, self.maximum, signed=self.signed)

    def rescale(self, factor: Tensor) -> None:
        """Multiply the range by `factor`, (channels, 1, ...), as the weights were."""
        self.maximum.data.mul_(factor)

    def forward(self, x: Tensor) -> Tensor:
        exponent = self.exponent.clamp(*EXPONENTS)
        return _Quantise.apply(x, exponent, self.maximum, self.bits, self.signed)

    def extra_repr(self) -> str:
        return f"bits={self.bits}, exponent={self.exponent.item():.3f}, signed={self.signed}"


def best_exponent(weights: Sequence[Tensor], bits: Sequence[int]) -> float:
    """The one exponent for all layers that minimises the sum of |W - Q(W)|_2, by Nelder and Mead from 1 (Yvinec et al.
    2023, PowerQuant, section 3).

    Args:
        weights: (channels, ...) each; the grid of every channel ends at its largest magnitude.
        bits: one for each.
    """
    from scipy.optimize import minimize

    flat = [w.detach().flatten(1) for w in weights]
    most = [w.abs().amax(1, keepdim=True) for w in flat]

    def error(exponent: np.ndarray) -> float:
        a = float(np.clip(exponent[0], *EXPONENTS))
        return sum(
            float((decode(encode(w, b, a, m), b, a, m) - w).norm()) for w, b, m in zip(flat, bits, most, strict=True)
        )

    found = minimize(error, [1.0], method="Nelder-Mead", options={"initial_simplex": [[1.0], [0.8]], "xatol": 1e-3})
    return float(np.clip(found.x[0], *EXPONENTS))
