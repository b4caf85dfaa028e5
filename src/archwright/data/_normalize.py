"""Normalisation: statistics of the training part and the layer that applies them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from archwright.data._images import Images

_CHUNK = 1024
_STREAMED_SAMPLE = 2048


class Normalize(nn.Module):
    """`(x - mean) / std`: the first layer of an exported network, which takes raw input.

    Args:
        mean, std: (C,) or (F,), in the units of the data source.
        kind: `"image"` for input (N, C, H, W), `"table"` for input (N, F).
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor, kind: Literal["image", "table"]) -> None:
        super().__init__()
        shape = (1, -1, 1, 1) if kind == "image" else (1, -1)
        self.register_buffer("mean", mean.detach().to(torch.float32).reshape(shape).clone())
        self.register_buffer("std", std.detach().to(torch.float32).reshape(shape).clone())

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


def statistics(x: Tensor | Images) -> tuple[Tensor, Tensor]:
    """Mean and (population) standard deviation per channel or column, float32, accumulated in float64 around the
    first sample; a standard deviation of 0 becomes 1. Of streamed images, 2,048 evenly spaced ones are read."""
    chunks = _chunks(x)
    first = next(chunks)
    shift = first[:1].to(torch.float64).mean(dim=_all_but_channel(first), keepdim=True)
    total = square = torch.zeros(first.shape[1], dtype=torch.float64)
    count = 0
    for chunk in _prepend(first, chunks):
        centred = chunk.to(torch.float64) - shift
        total = total + centred.sum(_all_but_channel(chunk))
        square = square + centred.square_().sum(_all_but_channel(chunk))
        count += centred.numel() // centred.shape[1]
    offset = total / count
    std = (square / count - offset.square()).clamp_min_(0).sqrt_()
    mean = (offset + shift.flatten()).to(torch.float32)
    return mean, torch.where(std > 0, std, 1.0).to(torch.float32)


def _all_but_channel(x: Tensor) -> list[int]:
    return [d for d in range(x.ndim) if d != 1]


def _chunks(x: Tensor | Images) -> Iterator[Tensor]:
    if isinstance(x, Images):
        some = torch.linspace(0, len(x) - 1, min(len(x), _STREAMED_SAMPLE)).round().long()
        return (x[index] for index in torch.split(some, 256))
    return iter(torch.split(x, _CHUNK))


def _prepend(first: Tensor, rest: Iterator[Tensor]) -> Iterator[Tensor]:
    yield first
    yield from rest
