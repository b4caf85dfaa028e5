"""NUPES: codes over the whole power grid and its exponent, learned together."""

from __future__ import annotations

import dataclasses
import math
from typing import final

import torch
from torch import Tensor, nn

from archwright.compress._activations import Activations
from archwright.compress._power import EXPONENTS, Power, encode, levels
from archwright.compress._quantised import Quantised
from archwright.compress._reconstruction import Reconstruction, Steps
from archwright.compress._trace import Layer
from archwright.errors import UserError

_TEMPERATURE = (1.0, 20.0)


@final
class PowerCodes(nn.Module):
    """Weights as learned codes on a power grid, whatever weights come in.

    A code is a real number U, softly rounded while it is learned, so that it can go to any code of the grid, not only
    to the two around the start.

    Args:
        power: the grid.
        weight: where the codes start.
        free: whether a code may go anywhere; else to the two codes around its start only.
    """

    start: Tensor | None

    def __init__(self, power: Power, weight: Tensor, *, free: bool = True) -> None:
        super().__init__()
        self.bits, self.exponent, self.maximum = power.bits, power.exponent, power.maximum
        with torch.no_grad():
            share = (weight.abs() / power.maximum.clamp_min(1e-12)).clamp_max(1.0)
            self.code = nn.Parameter(levels(power.bits) * weight.sign() * share**power.exponent)
        self.register_buffer("zero", weight == 0)
        self.register_buffer("start", None if free else self.code.detach().clone())
        self.beta: float | None = None

    @property
    def signed(self) -> bool:
        return True

    def codes(self, x: Tensor) -> Tensor:
        """Integer codes as floats; `x` gives nothing."""
        most = levels(self.bits)
        return self._near(self.code.detach()).round().clamp(-most, most).masked_fill(self.zero, 0.0)  # type: ignore[arg-type]

    def rescale(self, factor: Tensor) -> None:
        """Multiply the range by `factor`."""
        self.maximum.data.mul_(factor)

    def forward(self, x: Tensor) -> Tensor:
        most, exponent = levels(self.bits), self.exponent.clamp(*EXPONENTS)
        if self.beta is None:
            code = self.codes(x)
        else:
            code = softly_rounded(self._near(self.code), self.beta).clamp(-most, most)
            code = code.masked_fill(self.zero, 0.0)  # type: ignore[arg-type]
        return _Decode.apply(code, exponent, self.maximum, most)

    def _near(self, code: Tensor) -> Tensor:
        return code if self.start is None else code.clamp(self.start.floor(), self.start.ceil())


def softly_rounded(code: Tensor, beta: float) -> Tensor:
    """floor(U) + (1 + tanh(beta r) / tanh(beta / 2)) / 2 with r = U - floor(U) - 1/2: a staircase without jumps, from
    the identity (beta = 0) to rounding."""
    floor = code.detach().floor()
    return floor + 0.5 + 0.5 * torch.tanh(beta * (code - floor - 0.5)) / math.tanh(beta / 2)


class _Decode(torch.autograd.Function):
    """sign(q) m (|q| / L)^(1/a), whose slope at 0, where the true one is 0 for a < 1, is the distance to the next
    code."""

    @staticmethod
    def forward(ctx, code: Tensor, exponent: Tensor, maximum: Tensor, most: int) -> Tensor:  # type: ignore[no-untyped-def]
        found = code.sign() * maximum * (code.abs() / most) ** (1.0 / exponent)
        ctx.save_for_backward(code, exponent, maximum, found)
        ctx.most = most
        return found

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        code, exponent, maximum, found = ctx.saved_tensors
        size = code.abs()
        first = maximum * ctx.most ** (-1.0 / exponent)
        by_code = torch.where(size < 1, first, found.abs() / (exponent * size.clamp_min(1e-12)))
        by_exponent = torch.where(size > 0, -found * (size.clamp_min(1e-12) / ctx.most).log() / exponent.square(), 0.0)
        share = torch.where(maximum > 0, found / maximum.clamp_min(1e-12), 0.0)
        return grad * by_code, (grad * by_exponent).sum(), (grad * share).sum_to_size(maximum.shape), None


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Nupes(Steps):
    """Reconstructs the full-precision output of one layer by its codes, its exponent and its bias (Yvinec et al. 2023,
    NUPES, section 3). The soft rounding is ours, the paper's exact form was not available.

    Args:
        iterations: steps of Adam.
        batch_size: samples of a step.
        positions: outputs of a convolution that a step looks at, over all its samples: a window at a random place, as
            neighbours say much the same; None: every position, as published.
        code_lr: of the codes, in codes.
        exponent_lr: of the exponent.
        bias_lr: of the bias.
        pull: weight, at the end, of what draws codes to integers: the mean of 1 - |2 (U - floor U) - 1|^3, relative to
            the first error; it rises from 0 in the second half.
        exponents: whether the exponent is learned.
        free: whether a code may go anywhere on the grid, or only to the two around its start, as learned rounding does
            (Nagel et al. 2020, AdaRound).

    Raises:
        UserError: a setting out of range.
    """

    code_lr: float = 0.05
    exponent_lr: float = 1e-3
    bias_lr: float = 1e-3
    pull: float = 0.1
    exponents: bool = True
    free: bool = True

    def __call__(
        self, layer: Quantised, original: Layer, inputs: Activations, targets: Activations, *, relu: bool, seed: int
    ) -> float:
        """Optimise `layer`, whose quantiser of the weights is a `Power`, in place; arguments and result as those of
        `AdaQuant`."""
        grid = layer.weights
        if not isinstance(grid, Power):
            raise UserError("learned power codes need a power grid for the weights")
        learned = PowerCodes(grid, layer.layer.weight.detach(), free=self.free)
        layer.weights = learned
        task = Reconstruction(layer, original, inputs, targets, relu=relu, steps=self, seed=seed)
        optimiser = torch.optim.Adam(self._groups(layer, learned))
        for step in range(self.iterations):
            done = step / self.iterations
            learned.beta = _TEMPERATURE[0] * (_TEMPERATURE[1] / _TEMPERATURE[0]) ** done
            loss = task.loss()
            if done > 0.5 and self.pull:
                place = learned.code - learned.code.detach().floor()
                away = 1 - (2 * place - 1).abs() ** 3
                loss = loss + self.pull * task.first * (2 * done - 1) * away.mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if task.due(step):
                learned.beta = None
                task.look()
        learned.beta = None
        return task.finish()

    def _groups(self, layer: Quantised, learned: PowerCodes) -> list[dict[str, object]]:
        layer.requires_grad_(False)
        learned.code.requires_grad_(True)
        groups: list[dict[str, object]] = [{"params": [learned.code], "lr": self.code_lr}]
        if self.exponents:
            learned.exponent.requires_grad_(True)
            groups.append({"params": [learned.exponent], "lr": self.exponent_lr})
        if layer.layer.bias is not None:
            layer.layer.bias.requires_grad_(True)
            groups.append({"params": [layer.layer.bias], "lr": self.bias_lr})
        return groups


def moved(layer: Quantised) -> float:
    """Share of the weights whose learned code is more than one away from where it started."""
    learned = layer.weights
    if not isinstance(learned, PowerCodes):
        return 0.0
    start = encode(layer.layer.weight, learned.bits, learned.exponent, learned.maximum)
    return float(((learned.codes(start) - start).abs() > 1).float().mean())
