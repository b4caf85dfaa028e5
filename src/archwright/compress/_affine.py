"""The uniform affine quantiser."""

from __future__ import annotations

from numbers import Integral
from typing import Any, final

import torch
from torch import Tensor, nn

from archwright.errors import UserError

BITS = range(2, 17)
SMALLEST, LARGEST = 1e-6, 1e5
"""A range outside is taken for the nearest of these."""


def check_bits(bits: Any) -> int:
    """`bits`, an integer from 2 to 16.

    Raises:
        UserError: anything else.
    """
    if isinstance(bits, bool) or not isinstance(bits, Integral) or bits not in BITS:
        raise UserError(f"bits must be an integer from {BITS[0]} to {BITS[-1]}, got {bits!r}")
    return int(bits)


@final
class Affine(nn.Module):
    """Simulated uniform quantisation with an integer zero point (Hubara et al. 2021, AdaQuant, section 3 and code).

    With range r and minimum m: s = r / (2^b - 1), z = clamp(round(-m / s), 0, 2^b - 1), Q(x) = (round(clamp(x / s + z,
    0, 2^b - 1)) - z) s. So 0 is exact. Rounding passes gradients straight through; clamping and division are ordinary,
    so r and m receive gradients. Symmetric: z = 2^(b-1) - 1 whatever m, with 2^b - 1 codes around 0, and r is twice the
    largest magnitude.

    Args:
        bits: 2 to 16.
        low, high: least and largest value, scalars or one for each channel, broadcast against the input; widened to
            contain 0.
        symmetric: whether the zero point is in the middle, which every runtime accepts for weights.

    Raises:
        UserError: unsupported bits, values that are not finite.
    """

    range: nn.Parameter
    minimum: nn.Parameter

    def __init__(self, bits: int, low: Tensor, high: Tensor, *, symmetric: bool = False) -> None:
        super().__init__()
        if not (torch.isfinite(low).all() and torch.isfinite(high).all()):
            raise UserError("the range of a quantiser is not finite: the weights or the calibration data hold NaN")
        self.bits, self.symmetric = check_bits(bits), symmetric
        low, high = low.clamp_max(0.0), high.clamp_min(0.0)
        if symmetric:
            high = torch.maximum(high, -low)
            low = -high
        self.range = nn.Parameter((high - low).detach().clone())
        self.minimum = nn.Parameter(low.detach().clone())

    @property
    def levels(self) -> int:
        """Largest code, codes being 0 to `levels`."""
        return 2**self.bits - (2 if self.symmetric else 1)

    @property
    def scale(self) -> Tensor:
        """Step, the shape of the range."""
        return self.range.clamp(SMALLEST, LARGEST) / self.levels

    @property
    def zero(self) -> Tensor:
        """Integer code of 0, the shape of the range."""
        if self.symmetric:
            return torch.full_like(self.range, self.levels / 2)
        return straight(-self.minimum / self.scale).clamp(0, self.levels)

    def codes(self, x: Tensor) -> Tensor:
        """Integer codes of `x` as floats, 0 to `levels`."""
        return straight((x / self.scale + self.zero).clamp(0, self.levels))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = _Simulate.apply(x, self.scale, self.zero, self.levels)
        return found

    def extra_repr(self) -> str:
        return f"bits={self.bits}, shape={tuple(self.range.shape)}, symmetric={self.symmetric}"


class _Simulate(torch.autograd.Function):
    """(round(clamp(x / s + z, 0, L)) - z) s with the gradients autograd would give, rounding passed straight through,
    in a third of the passes over memory."""

    @staticmethod
    def forward(ctx, x: Tensor, scale: Tensor, zero: Tensor, levels: int) -> Tensor:  # type: ignore[no-untyped-def]
        unclamped = (x / scale).add_(zero)
        codes = unclamped.clamp(0, levels)
        inside = codes == unclamped
        found = codes.round_().sub_(zero).mul_(scale)
        ctx.save_for_backward(x, scale, inside, found)
        return found

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        x, scale, inside, found = ctx.saved_tensors
        passed = grad * inside
        by_scale = by_zero = None
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            by_scale = (torch.addcmul(grad * found, passed, x, value=-1) / scale).sum_to_size(scale.shape)
            by_zero = ((passed - grad) * scale).sum_to_size(scale.shape)
        return passed, by_scale, by_zero, None


def straight(x: Tensor) -> Tensor:
    """Rounded half to even, with the gradient of the identity (Bengio et al. 2013)."""
    return x + (x.round() - x).detach()
