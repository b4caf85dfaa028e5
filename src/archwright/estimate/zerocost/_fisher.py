"""Fisher."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, final

from torch import Tensor, nn

from archwright.estimate.zerocost._probe import Probe, gradients
from archwright.estimate.zerocost._saliency import counted
from archwright.estimate.zerocost._score import Score, loss


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Fisher(Score):
    """Sum over channels of 1/2 mean_n (sum_hw a_nc da_nc)^2, each times the weights of the channel; one backward.

    Theis et al. (2018) and Turner et al. (2020) for pruning; summed over convolution and linear outputs `a` with loss
    gradients `da` as by Abdelfattah et al. (2021).
    """

    labelled: ClassVar[bool] = True

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        sizes = {part: part.get_parameter("weight").numel() for part in counted(module).values()}
        seen: list[tuple[Tensor, int, int]] = []

        def keep(layer: nn.Module, _: Any, out: Tensor) -> Tensor:
            if not out.requires_grad:
                out = out.detach().requires_grad_()
            axis = out.ndim - 1 if isinstance(layer, nn.Linear) else 1
            seen.append((out, axis, sizes[layer] // out.shape[axis]))
            return out.clone()  # an activation in place must not overwrite what was seen

        handles = [layer.register_forward_hook(keep) for layer in sizes]
        try:
            found = loss(Probe(module)(x.detach().requires_grad_()), y)
        finally:
            for handle in handles:
                handle.remove()
        return sum(
            fan_in * delta(a.detach(), da, axis)
            for (a, axis, fan_in), da in zip(seen, gradients(found, [a for a, _, _ in seen]))
        )


def delta(a: Tensor, da: Tensor, axis: int) -> float:
    """Sum over channels of 1/2 mean_n (sum of a x da over all other axes)^2."""
    product = (a * da).movedim(axis, 1).flatten(2) if a.ndim > 2 else a * da
    per_channel = product.sum(2) if product.ndim > 2 else product
    return 0.5 * per_channel.square().mean(0).sum().item()
