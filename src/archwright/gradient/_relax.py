"""RELAX: a small network as control variate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._control_variate import ControlVariate
from archwright.gradient._draws import Batched, Draws

_FIRST = 1e-3  # size of the last layer's first weights


@final
class Relax(ControlVariate):
    """c(z) = r(z) + scalar, r a network with one hidden layer of tanh on the z of all variables together, learned
    against the variance (Grathwohl, Choi, Wu, Roeder, Duvenaud 2018, section 3).

    The loss may be a black box: it is evaluated on one-hot weights only. r is near zero at the start; the scalar starts
    at the losses of the first call. When options leave, r starts anew and the scalar stays.

    Args:
        samples: architectures a step, at least 1.
        hidden: units, at least 1.
        lr: Adam's, of all parameters, at least 0; 0 keeps them.
        mixture: c(z) = f(softmax(z / lambda)) + r(z) + scalar, with lambda learned; costs as much as `Rebar` (same,
            section 3.1).
        temperature: first lambda, in [0.1, 10], where it stays.

    Raises:
        UserError: a setting out of range.
    """

    def __init__(
        self,
        *,
        samples: int = 1,
        hidden: int = 32,
        lr: float = 0.01,
        mixture: bool = False,
        temperature: float = math.exp(0.5),
    ) -> None:
        super().__init__(samples=samples, lr=lr)
        if hidden < 1 or not 0.1 <= temperature <= 10.0:
            raise UserError(f"Relax needs hidden >= 1 and temperature in [0.1, 10], got {hidden} and {temperature}")
        self.hidden, self.mixture, self.temperature = hidden, mixture, temperature

    def _initial(self, counts: Sequence[int], like: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        def normal(*shape: int, scale: float) -> Tensor:
            return (scale * torch.randn(*shape, generator=generator, dtype=like.dtype)).to(like.device)

        inputs, units = sum(counts), self.hidden
        known = self.parameters
        found = {
            "inner": normal(units, inputs, scale=inputs**-0.5),
            "bias": like.new_zeros(units),
            "outer": normal(units, scale=_FIRST * units**-0.5),
            "scalar": known.get("scalar", like.new_zeros(())),
        }
        if self.mixture:
            found["ln_lambda"] = known.get("ln_lambda", like.new_tensor(math.log(self.temperature)))
        return found

    def _control(self, losses: Batched, draws: Draws, z: Tensor) -> Tensor:
        known = self.parameters
        hidden = torch.nn.functional.linear(z[:, draws.real], known["inner"], known["bias"]).tanh()
        control = hidden @ known["outer"] + known["scalar"]
        if self.mixture:
            control = control + losses(draws.split((z / known["ln_lambda"].exp()).softmax(-1)))
        return control

    def _first(self, losses: Tensor) -> None:
        if not self.mixture:
            self.parameters["scalar"].copy_(losses.mean())

    def _bounded(self) -> None:
        if self.mixture:
            self.parameters["ln_lambda"].clamp_(math.log(0.1), math.log(10.0))
