"""Repairing the statistics that quantisation has moved."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, final

import torch
from torch import Tensor, fx, nn

from archwright.compress._affine import Affine
from archwright.compress._fold import Folded
from archwright.compress._quantised import Quantised, quantised_layers, replace

_EPS = 1e-5
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
    norms = {name: _Normalised() for name in names}

    def look(norm: _Normalised) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, args: Any, out: Tensor) -> None:
            norm(out)

        return hook

    handles = [graph.get_submodule(name).register_forward_hook(look(norm)) for name, norm in norms.items()]
    try:
        for batch in batches:
            graph(*batch) if isinstance(batch, tuple) else graph(batch)
    finally:
        for handle in handles:
            handle.remove()
    return {name: Statistics(norm.mean, norm.std) for name, norm in norms.items()}


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


@final
class _Normalised(nn.Module):
    """Normalises a batch of any rank by its own statistics, and takes the mean of those over all batches."""

    def __init__(self) -> None:
        super().__init__()
        self._batches, self._mean, self._variance = 0, torch.zeros(()), torch.zeros(())

    @property
    def mean(self) -> Tensor:
        return self._mean

    @property
    def std(self) -> Tensor:
        return (self._variance + _EPS).sqrt()

    def forward(self, x: Tensor) -> Tensor:
        axes = [n for n in range(x.ndim) if n != 1]
        mean, variance = x.mean(axes), x.var(axes, correction=0)
        self._batches += 1
        self._mean = self._mean.to(x) + (mean - self._mean.to(x)) / self._batches
        self._variance = self._variance.to(x) + (variance - self._variance.to(x)) / self._batches
        shape = (-1, *[1] * (x.ndim - 2))
        return (x - mean.reshape(shape)) / (variance + _EPS).sqrt().reshape(shape)


class _Restored(nn.Module):
    """A layer whose output is normalised to the wanted statistics."""

    def __init__(self, layer: Quantised, wanted: Statistics) -> None:
        super().__init__()
        self.inner, self.wanted = layer, wanted
        self.norm = _Normalised()

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm(self.inner(x))
        shape = (-1, *[1] * (out.ndim - 2))
        return out * self.wanted.std.reshape(shape) + self.wanted.mean.reshape(shape)

    @torch.no_grad()
    def fold(self) -> None:
        mean, std = self.norm.mean, self.norm.std
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
