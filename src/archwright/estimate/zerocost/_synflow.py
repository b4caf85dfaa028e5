"""SynFlow."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.estimate.zerocost._probe import Probe, Replacing, gradients, norms, weights
from archwright.estimate.zerocost._saliency import counted
from archwright.estimate.zerocost._score import Score, output


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Synflow(Score):
    """Log of sum |weight x dR/dweight|, R the output for an input of ones through absolute weights; no data, no labels.

    Tanaka, Kunin, Yamins and Ganguli (2020), "Pruning neural networks without any data by iteratively conserving
    synaptic flow", as by Abdelfattah et al. (2021): everything in float64, biases and normalisation included in the
    absolute values, one sample. `-inf` if no path leads through.

    Args:
        bn: leave batch normalisation in, in train mode with the absolute values of its state; otherwise it is the
            identity.
        log: give the logarithm, as the score spans tens of orders of magnitude.
    """

    bn: bool = False
    log: bool = True

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        names = counted(module)
        idle = set() if self.bn else state(module)
        probe = Probe(
            module,
            training=self.bn,
            parameters={name: positive(p) for name, p in module.named_parameters() if name not in idle},
            buffers={name: positive(b) for name, b in module.named_buffers() if name not in idle},
        )
        ones = torch.ones_like(x[:1], dtype=torch.float64)
        total = None if self.bn else by_outputs(module, probe, ones)
        if total is None:
            theta = [probe.parameters[name].requires_grad_() for name in names]
            found = gradients(self._flow(probe, ones), theta)
            total = sum((t.detach() * g).abs().sum().item() for t, g in zip(theta, found))
        if not self.log:
            return total
        return math.log(total) if total else -math.inf

    def _flow(self, probe: Probe, ones: Tensor) -> Tensor:
        if not self.bn:
            with Replacing({F.batch_norm: unchanged}):
                return output(probe(ones)).sum()
        try:
            return output(probe(ones)).sum()
        except ValueError as error:  # torch refuses to normalise one value
            raise UserError(f"synflow-bn sends one sample through, which cannot be normalised: {error}") from None


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class SynflowBN(Score):
    """SynFlow with batch normalisation left in, `Synflow(bn=True)`.

    Args:
        log: give the logarithm.
    """

    log: bool = True

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        return Synflow(bn=True, log=self.log).value(module, x, y)


def by_outputs(module: nn.Module, probe: Probe, ones: Tensor) -> float | None:
    """The score without gradients of weights, which saves a third of the time.

    Where a layer's inputs, weights and output gradients d are not negative, sum |weight x dR/dweight| is the sum of
    (output - bias) x d. None where they are.
    """
    outs: list[Tensor] = []
    carried: list[Tensor] = []
    negative: list[bool] = []

    def keep(part: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor:
        negative.append(bool((inputs[0].detach() < 0).any()))
        outs.append(out if out.requires_grad else out.detach().requires_grad_())
        bias = part.bias
        if isinstance(bias, Tensor) and not isinstance(part, nn.Linear):
            bias = bias.reshape(-1, *[1] * (out.ndim - 2))
        carried.append(out.detach() - bias.detach() if isinstance(bias, Tensor) else out.detach())
        return outs[-1].clone()  # an activation in place must not overwrite what was kept

    handles = [part.register_forward_hook(keep) for part in weights(module).values()]
    try:
        with Replacing({F.batch_norm: unchanged}):
            flow = output(probe(ones)).sum()
    finally:
        for handle in handles:
            handle.remove()
    if any(negative):
        return None
    found = gradients(flow, outs)
    if any(bool((d < 0).any()) for d in found):
        return None
    return sum((a * d).sum().item() for a, d in zip(carried, found))


def state(module: nn.Module) -> set[str]:
    """Names of parameters and buffers of batch normalisation, which nothing reads while it is the identity."""
    parts = norms(module).items()
    return {f"{path}.{end}".lstrip(".") for path, part in parts for end in (*part._parameters, *part._buffers)}


def positive(tensor: Tensor) -> Tensor:
    """The absolute value in float64; counters and masks are copied."""
    return (
        tensor.detach().to(torch.float64, copy=True).abs_() if tensor.is_floating_point() else tensor.detach().clone()
    )


def unchanged(x: Tensor, *_: Any, **__: Any) -> Tensor:
    """Batch normalisation as the identity."""
    return x
