"""Repairing the statistics that quantisation has moved."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn

from archwright.compress._affine import Affine
from archwright.compress._any_rank import AnyRank
from archwright.compress._fold import Folded
from archwright.compress._quantised import Quantised, quantised_layers, replace

Batch = Tensor | tuple[Tensor, ...]


@dataclasses.dataclass(frozen=True)
class Statistics:
    """What the output channels of a layer are to be like.

    Args:
        mean, std: (channels,).
    """

    mean: Tensor
    std: Tensor


def of_training(folded: Mapping[str, Folded]) -> dict[str, Statistics]:
    """Mean beta and standard deviation |gamma|, what a folded normalisation gave on the training data (Hubara et al.
    2021, AdaQuant, section 5). On other data, also on training images without their augmentation, even the
    full-precision network has other statistics."""
    return {name: Statistics(f.beta, (f.gamma.square() + f.eps).sqrt()) for name, f in folded.items()}


@torch.no_grad()
def of_calibration(graph: fx.GraphModule, names: Iterable[str], batches: Iterable[Batch]) -> dict[str, Statistics]:
    """The statistics of the full-precision network on the calibration data, so that tuning it changes nothing.

    Args:
        graph: full-precision.
        names: of layers.
        batches: of inputs, one or a tuple each; at least 2 samples each.
    """
    norms: dict[str, nn.BatchNorm2d] = {}

    def look(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, args: Any, out: Tensor) -> None:
            if name not in norms:
                norms[name] = _normalisation(out.shape[1]).to(out.device)
            norms[name](out)

        return hook

    handles = [graph.get_submodule(name).register_forward_hook(look(name)) for name in names]
    try:
        for batch in batches:
            graph(*batch) if isinstance(batch, tuple) else graph(batch)
    finally:
        for handle in handles:
            handle.remove()
    return {name: Statistics(*_running(norm)) for name, norm in norms.items()}


def tune_statistics(graph: fx.GraphModule, wanted: Mapping[str, Statistics], batches: Iterable[Batch]) -> None:
    """Give every output channel the wanted mean and standard deviation on the calibration data, in place and without
    labels (Hubara et al. 2021, AdaQuant, section 5).

    A normalisation is put after every layer, its running statistics become the mean over all batches of those of the
    quantised network, and it is folded into weights, bias and the range of the weights' quantiser, so that the weights
    stay on its grid.

    Args:
        graph: quantised.
        wanted: by layer.
        batches: of inputs, one or a tuple each; at least 2 samples each.
    """
    layers = {n: m for n, m in quantised_layers(graph).items() if n in wanted}
    restored = {name: _Restored(layer, wanted[name]) for name, layer in layers.items()}
    for name, module in restored.items():
        replace(graph, name, module)
    try:
        with torch.no_grad():
            for batch in batches:
                graph(*batch) if isinstance(batch, tuple) else graph(batch)
    finally:
        for name, layer in layers.items():
            replace(graph, name, layer)
    for module in restored.values():
        module.fold()


def _normalisation(channels: int) -> nn.BatchNorm2d:
    """That takes the mean over all batches, of inputs of any rank."""
    return AnyRank(channels, momentum=None, affine=False).train()


def _running(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    return mean, (variance + norm.eps).sqrt()


class _Restored(nn.Module):
    """A layer whose output is normalised to the wanted statistics."""

    def __init__(self, layer: Quantised, wanted: Statistics) -> None:
        super().__init__()
        self.inner, self.wanted = layer, wanted
        self.norm = _normalisation(len(wanted.mean)).to(layer.layer.weight.device)

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm(self.inner(x))
        shape = (-1, *[1] * (out.ndim - 2))
        return out * self.wanted.std.reshape(shape) + self.wanted.mean.reshape(shape)

    @torch.no_grad()
    def fold(self) -> None:
        mean, std = _running(self.norm)
        layer, quantiser = self.inner.layer, self.inner.weights
        factor = self.wanted.std / std
        shape = (-1, *[1] * (layer.weight.ndim - 1))
        layer.weight.mul_(factor.reshape(shape))
        old = torch.zeros_like(mean) if layer.bias is None else layer.bias
        layer.bias = nn.Parameter((old - mean) * factor + self.wanted.mean, requires_grad=False)
        if isinstance(quantiser, Affine):
            quantiser.range.mul_(factor.reshape(shape))
            quantiser.minimum.mul_(factor.reshape(shape))
        elif quantiser is not None:
            quantiser.rescale(factor.reshape(shape))  # type: ignore[operator]
