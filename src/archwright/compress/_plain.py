"""Quantised layers without anything that learns: plain tensor operations, fit for `torch.export`."""

from __future__ import annotations

import copy
from typing import final

import torch
from torch import Tensor, fx, nn

from archwright.compress._affine import Affine
from archwright.compress._power import EXPONENTS, Power, decode, encode
from archwright.compress._quantised import Quantised, quantised_layers
from archwright.errors import UserError


@torch.no_grad()
def plain(graph: fx.GraphModule) -> fx.GraphModule:
    """A copy that computes the same bit for bit from plain layers whose weights are what the quantisers give, and from
    plain functions at their inputs."""
    work = copy.deepcopy(graph).eval().requires_grad_(False)
    for name, layer in quantised_layers(work).items():
        work.set_submodule(name, plain_layer(layer))
    return work


@torch.no_grad()
def plain_layer(layer: Quantised) -> nn.Module:
    """One layer with its dequantised weights, and before it what its input goes through."""
    inner = copy.deepcopy(layer.layer)
    inner.weight = nn.Parameter(layer.weight.detach().clone(), requires_grad=False)
    if inner.bias is not None:
        inner.bias.requires_grad_(False)
    return inner if layer.inputs is None else nn.Sequential(_quantiser(layer.inputs), inner)


def _quantiser(quantiser: nn.Module) -> nn.Module:
    if isinstance(quantiser, Affine):
        return _Uniform(quantiser)
    if isinstance(quantiser, Power):
        return _Powers(quantiser)
    raise UserError(f"{type(quantiser).__name__} has no plain form")


@final
class _Uniform(nn.Module):
    scale: Tensor
    zero: Tensor

    def __init__(self, quantiser: Affine) -> None:
        super().__init__()
        self.levels = quantiser.levels
        self.register_buffer("scale", quantiser.scale.detach().clone())
        self.register_buffer("zero", quantiser.zero.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        return ((x / self.scale + self.zero).clamp(0, self.levels).round() - self.zero) * self.scale


@final
class _Powers(nn.Module):
    exponent: Tensor
    maximum: Tensor

    def __init__(self, quantiser: Power) -> None:
        super().__init__()
        self.bits, self.signed = quantiser.bits, quantiser.signed
        self.register_buffer("exponent", quantiser.exponent.detach().clamp(*EXPONENTS))
        self.register_buffer("maximum", quantiser.maximum.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        codes = encode(x, self.bits, self.exponent, self.maximum, signed=self.signed)
        return decode(codes, self.bits, self.exponent, self.maximum, signed=self.signed)
