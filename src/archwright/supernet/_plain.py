"""What elastic layers share when they are cut to size."""

from __future__ import annotations

from torch import Tensor, nn

from archwright.supernet._searchable import Searchable
from archwright.supernet._selection import concrete


def leading(tensor: Tensor, size: int, axis: int = 0) -> Tensor:
    """The first `size` entries along `axis`; the tensor itself if that is all, which spares autograd a node."""
    return tensor if tensor.shape[axis] == size else tensor.narrow(axis, 0, size)


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
