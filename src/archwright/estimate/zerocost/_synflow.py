"""SynFlow."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

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
        layers = counted(module)
        parameters, buffers = state(module, bn=self.bn)
        probe = Probe(module, training=self.bn, parameters=parameters, buffers=buffers)
        ones = torch.ones(x[:1].shape, dtype=torch.float64, device=x.device)  # float64 is slow with channels last
        total = None if self.bn else by_outputs(module, layers, probe, ones)
        if total is None:
            theta = [probe.parameters[name].requires_grad_() for name in layers]
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


def by_outputs(module: nn.Module, layers: Mapping[str, nn.Module], probe: Probe, ones: Tensor) -> float | None:
    """The score without gradients of weights, which saves half of the time.

    Where a layer's inputs, weights and output gradients d are not negative, sum |weight x dR/dweight| is the sum of
    (output - bias) x d. None where they are, or where an output is overwritten in place.
    """
    outs: list[Tensor] = []
    carried: list[Tensor] = []
    least: list[Tensor] = []

    def keep(part: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor:
        least.append(inputs[0].detach().min())
        outs.append(out if out.requires_grad else out.requires_grad_().clone())  # a leaf must not be written over
        bias = part.bias
        if isinstance(bias, Tensor) and not isinstance(part, nn.Linear):
            bias = bias.reshape(-1, *[1] * (out.ndim - 2))
        carried.append(out.detach() - bias.detach() if isinstance(bias, Tensor) else out.detach())
        return outs[-1]

    handles = [part.register_forward_hook(keep) for part in layers.values()]
    try:
        with out_of_place(module), Replacing({F.batch_norm: unchanged}):
            flow = output(probe(ones)).sum()
    finally:
        for handle in handles:
            handle.remove()
    if any(out._version for out in outs):
        return None
    found = gradients(flow, outs)
    if bool((torch.stack(least + [d.min() for d in found]) < 0).any()):
        return None
    return torch.stack([torch.dot(a.flatten(), d.flatten()) for a, d in zip(carried, found)]).sum().item()


@contextmanager
def out_of_place(module: nn.Module) -> Iterator[None]:
    """While it is active, no layer of the module writes over its input."""
    layers = [part.__dict__ for part in module.modules() if part.__dict__.get("inplace") is True]
    for attributes in layers:
        attributes["inplace"] = False
    try:
        yield
    finally:
        for attributes in layers:
            attributes["inplace"] = True


def state(module: nn.Module, *, bn: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Absolute values of parameters and of buffers; without `bn` not of batch normalisation, which nothing reads."""
    parameters: dict[str, Tensor] = {}
    buffers: dict[str, Tensor] = {}
    seen: set[Tensor] = set()
    for path, part in module.named_modules():
        if isinstance(part, _BatchNorm) and not bn:
            continue
        for own, found in ((part._parameters, parameters), (part._buffers, buffers)):
            for name, tensor in own.items():
                if tensor is not None and tensor not in seen:
                    seen.add(tensor)
                    found[f"{path}.{name}".lstrip(".")] = positive(tensor)
    return parameters, buffers


def positive(tensor: Tensor) -> Tensor:
    """The absolute value in float64; counters and masks are copied."""
    return (
        tensor.detach().to(torch.float64, copy=True).abs_() if tensor.is_floating_point() else tensor.detach().clone()
    )


def unchanged(x: Tensor, *_: Any, **__: Any) -> Tensor:
    """Batch normalisation as the identity."""
    return x
