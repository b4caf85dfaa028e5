"""What elastic layers share when they are cut to size."""

from __future__ import annotations

import functools
import itertools

import torch
from torch import Tensor, nn

from archwright.supernet._searchable import Searchable
from archwright.supernet._selection import concrete


def corner(tensor: Tensor, *sizes: int, crop: int = 0) -> Tensor:
    """The first `sizes` entries along the first axes, `crop` entries cut off at both ends of the last two.

    One operation, so one node for autograd and a contiguous result: a negative pad costs a third of a chain of slices
    in a training step. The tensor itself is returned if nothing is cut.
    """
    shape = tensor.shape
    if not crop and shape[: len(sizes)] == sizes:
        return tensor
    if len(shape) == 1:
        return tensor[: sizes[0]]
    return torch.constant_pad_nd(tensor, _pad(shape, sizes, crop))


@functools.cache
def _pad(shape: tuple[int, ...], sizes: tuple[int, ...], crop: int) -> tuple[int, ...]:
    """Entries to add at both ends of every axis, last axis first, as `torch.constant_pad_nd` wants them."""
    ends = [(0, size - full) for size, full in zip(sizes, shape)]
    ends += [(-crop, -crop) if axis >= len(shape) - 2 else (0, 0) for axis in range(len(sizes), len(shape))]
    return tuple(itertools.chain.from_iterable(reversed(ends)))


def require_concrete(layer: Searchable) -> None:
    """Refuse to cut a layer to size under a relaxed selection.

    Raises:
        UserError: one of its variables is relaxed or left open.
    """
    for variable in layer.variables():
        concrete(variable)


def assign(layer: nn.Module, **tensors: Tensor | None) -> None:
    """Put contiguous copies of `tensors` into a layer built on the meta device; a buffer stays a buffer."""
    for name, tensor in tensors.items():
        if tensor is None:
            continue
        copy = tensor.detach().clone().contiguous()
        if name in layer._buffers:
            layer._buffers[name] = copy
        else:
            setattr(layer, name, nn.Parameter(copy))
