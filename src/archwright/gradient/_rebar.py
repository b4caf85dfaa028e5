"""REBAR: the relaxed network as control variate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._control_variate import ControlVariate
from archwright.gradient._draws import Batched, Draws


@final
class Rebar(ControlVariate):
    """c(z) = eta f(softmax(z / lambda)), eta and lambda learned against the variance (Tucker, Mnih, Maddison, Lawson,
    Sohl-Dickstein 2017, equation 9).

    Every sample costs one discrete network and two mixtures, all on the same minibatch, differentiated twice (once with
    `lr=0`).

    Args:
        samples: architectures a step, at least 1.
        eta: first value, of every variable its own.
        temperature: first lambda, > 0; one for all variables.
        lr: Adam's, of eta and ln lambda, at least 0; 0 keeps them.
        bounds: lambda stays in them.

    Raises:
        UserError: a setting out of range.
    """

    def __init__(
        self,
        *,
        samples: int = 1,
        eta: float = 1.0,
        temperature: float = math.exp(0.5),
        lr: float = 0.01,
        bounds: tuple[float, float] = (0.1, 10.0),
    ) -> None:
        super().__init__(samples=samples, lr=lr)
        if not 0 < bounds[0] <= temperature <= bounds[1]:
            raise UserError(f"temperature must be within bounds, both positive, got {temperature} and {bounds}")
        self.eta, self.temperature, self.bounds = eta, temperature, bounds

    def _initial(self, counts: Sequence[int], like: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        if len(counts) == len(self._counts):
            return self.parameters  # some options are gone
        return {
            "eta": like.new_full((len(counts), 1), self.eta),
            "ln_lambda": like.new_tensor(math.log(self.temperature)),
        }

    def _control(self, losses: Batched, draws: Draws, z: Tensor) -> Tensor:
        return losses(draws.split((z / self.parameters["ln_lambda"].exp()).softmax(-1)))

    def _share(self) -> Tensor:
        return self.parameters["eta"]

    def _bounded(self) -> None:
        self.parameters["ln_lambda"].clamp_(math.log(self.bounds[0]), math.log(self.bounds[1]))
