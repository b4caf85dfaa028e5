"""AdaQuant: every layer optimised on its own against its full-precision output."""

from __future__ import annotations

import dataclasses
from typing import Any, final

import torch
from torch import Tensor

from archwright.compress._activations import Activations
from archwright.compress._quantised import Quantised
from archwright.compress._reconstruction import Reconstruction, Steps
from archwright.compress._trace import Layer


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class AdaQuant(Steps):
    """Minimises |f(layer(Q(X); Q(W'), b')) - f(Y)|^2 over weights, bias and the ranges of both quantisers, f the ReLU
    that follows the layer or the identity (Hubara et al. 2021, AdaQuant, equation 5).

    Straight-through rounding chatters between two codes, so the best state on a held-out batch is kept, the one before
    the first step included.

    Args:
        iterations: steps of Adam, at least 1.
        batch_size: samples of a step.
        positions: outputs of a convolution that a step looks at, over all its samples: a window at a random place, as
            neighbours say much the same; None: every position, as published.
        weight_lr: of the weights, in steps of their quantiser.
        bias_lr: of the bias, absolute.
        range_lr: of the ranges of the weights, relative to them.
        input_lr: of the range of the input, relative to it.

    Raises:
        UserError: a setting out of range.
    """

    weight_lr: float = 0.02
    bias_lr: float = 1e-3
    range_lr: float = 1e-3
    input_lr: float = 1e-3

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
        task = Reconstruction(layer, original, inputs, targets, relu=relu, steps=self, seed=seed)
        optimiser = torch.optim.Adam(self._groups(layer))
        for step in range(self.iterations):
            loss = task.loss()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if task.due(step):
                task.look()
        return task.finish()

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
