"""SynFlow."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.estimate.zerocost._probe import Probe, Replacing, gradients
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
        probe = Probe(
            module,
            training=self.bn,
            parameters={name: positive(p) for name, p in module.named_parameters()},
            buffers={name: positive(b) for name, b in module.named_buffers()},
        )
        theta = [probe.parameters[name].requires_grad_() for name in names]
        flow = self._flow(probe, torch.ones_like(x[:1], dtype=torch.float64))
        total = sum((t.detach() * g).abs().sum().item() for t, g in zip(theta, gradients(flow, theta)))
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


def positive(tensor: Tensor) -> Tensor:
    """The absolute value in float64; counters and masks are copied."""
    return (
        tensor.detach().to(torch.float64, copy=True).abs_() if tensor.is_floating_point() else tensor.detach().clone()
    )


def unchanged(x: Tensor, *_: Any, **__: Any) -> Tensor:
    """Batch normalisation as the identity."""
    return x
