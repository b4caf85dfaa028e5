"""AdaQuant: every layer optimised on its own against its full-precision output."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor

from archwright.compress._activations import Activations
from archwright.compress._quantised import Quantised
from archwright.compress._trace import Layer
from archwright.errors import UserError

_LOOKS = 20  # times that the held-out batch is looked at
_HELD_OUT = 100


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class AdaQuant:
    """Minimises |f(layer(Q(X); Q(W'), b')) - f(Y)|^2 over weights, bias and the ranges of both quantisers, f the ReLU
    that follows the layer or the identity (Hubara et al. 2021, AdaQuant, equation 5).

    Straight-through rounding chatters between two codes, so the best state on a held-out batch is kept, the one before
    the first step included.

    Args:
        iterations: steps of Adam, at least 1.
        batch_size: samples of a step.
        weight_lr: of the weights, in steps of their quantiser.
        bias_lr: of the bias, absolute.
        range_lr: of the ranges of the weights, relative to them.
        input_lr: of the range of the input, relative to it.

    Raises:
        UserError: a setting out of range.
    """

    iterations: int = 1000
    batch_size: int = 50
    weight_lr: float = 0.02
    bias_lr: float = 1e-3
    range_lr: float = 1e-3
    input_lr: float = 1e-3

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.batch_size < 1:
            raise UserError(
                f"iterations and batch_size must be at least 1, got {self.iterations} and {self.batch_size}"
            )

    def __call__(
        self, layer: Quantised, original: Layer, inputs: Activations, targets: Activations, *, relu: bool, seed: int
    ) -> float:
        """Optimise `layer` in place.

        Args:
            layer: quantised.
            original: with its full-precision weights.
            inputs: of the quantised layer, from the network as it is before it.
            targets: inputs of the original layer, from the full-precision network; the same samples.
            relu: whether a ReLU follows.
            seed: of the batches.

        Returns:
            Mean squared error on the held-out batch over the one before.
        """
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(inputs), generator=generator)
        held, rest = order[: min(_HELD_OUT, len(order) // 4)], order[min(_HELD_OUT, len(order) // 4) :]
        optimiser = torch.optim.Adam(self._groups(layer))

        def error(index: Tensor) -> Tensor:
            with torch.no_grad():
                wanted = original(targets.rows(index))
            found = layer(inputs.rows(index))
            return F.mse_loss(F.relu(found), F.relu(wanted)) if relu else F.mse_loss(found, wanted)

        def judged() -> float:
            with torch.no_grad():
                return float(error(held if len(held) else order))

        first = least = judged()
        best = copy.deepcopy(layer.state_dict())
        every = max(1, self.iterations // _LOOKS)
        for step in range(self.iterations):
            batch = rest[torch.randint(len(rest), (min(self.batch_size, len(rest)),), generator=generator)]
            loss = error(batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if (step + 1) % every == 0 or step + 1 == self.iterations:
                now = judged()
                if now < least:
                    least, best = now, copy.deepcopy(layer.state_dict())
        layer.load_state_dict(best)
        layer.requires_grad_(False)
        return least / first if first > 0 else 1.0

    def _groups(self, layer: Quantised) -> list[dict[str, Any]]:
        layer.requires_grad_(True)
        groups = [_group([layer.layer.weight], self.weight_lr * _step(layer))]
        if layer.layer.bias is not None:
            groups.append(_group([layer.layer.bias], self.bias_lr))
        for part, lr in ((layer.weights, self.range_lr), (layer.inputs, self.input_lr)):
            if part is not None:
                groups += [_group([p], lr * float(p.detach().abs().mean())) for p in part.parameters()]
        return groups


def _group(parameters: list[Tensor], lr: float) -> dict[str, Any]:
    return {"params": parameters, "lr": max(lr, 1e-12)}


def _step(layer: Quantised) -> float:
    """Mean distance of two codes of the weights."""
    scale = getattr(layer.weights, "scale", None)
    return (
        float(scale.detach().mean()) if isinstance(scale, Tensor) else float(layer.layer.weight.detach().abs().mean())
    )
