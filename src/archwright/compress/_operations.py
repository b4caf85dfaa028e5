"""What the functions of a traced network do to integers."""

from __future__ import annotations

import math
import operator
from typing import Any

import torch
from torch import fx

_aten = torch.ops.aten

MOVES = {
    _aten.slice.Tensor, _aten.select.int, _aten.view.default, _aten.reshape.default, _aten.flatten.using_ints,
    _aten.unflatten.int, _aten.permute.default, _aten.transpose.int, _aten.t.default, _aten.squeeze.default,
    _aten.squeeze.dim, _aten.squeeze.dims, _aten.unsqueeze.default, _aten.contiguous.default, _aten.clone.default,
    _aten.expand.default, _aten.dropout.default, _aten.feature_dropout.default, _aten.alias.default,
    _aten.max_pool2d.default, _aten.max_pool1d.default, _aten.upsample_nearest2d.vec, _aten.chunk.default,
    _aten.split.Tensor, _aten.split_with_sizes.default, _aten.pixel_shuffle.default, operator.getitem,
}  # fmt: skip
"""They give only values that come in: they can be done to codes."""

POINTWISE = {
    _aten.sigmoid.default, _aten.hardsigmoid.default, _aten.hardswish.default, _aten.silu.default, _aten.gelu.default,
    _aten.leaky_relu.default, _aten.elu.default, _aten.tanh.default, _aten.mish.default, _aten.softplus.default,
}  # fmt: skip
"""A function of every value on its own."""

_PADS = {_aten.pad.default, _aten.constant_pad_nd.default}
_MEANS = {_aten.mean.dim}
_JOINS = {_aten.add.Tensor, _aten.mul.Tensor, _aten.cat.default}
_WINDOWS = {_aten.avg_pool2d.default, _aten.adaptive_avg_pool2d.default}


def moves(node: fx.Node) -> bool:
    """Gives only values that come in, or 0."""
    return node.target in MOVES or pads(node) is not None


def pads(node: fx.Node) -> list[int] | None:
    """What is put around by zeros, or None."""
    if node.target not in _PADS:
        return None
    if node.target is _aten.pad.default:
        if argument(node, 2, "mode", "constant") != "constant" or argument(node, 3, "value", None):
            return None
    elif argument(node, 2, "value", 0):
        return None
    sizes = node.args[1]
    found = _ints(sizes)
    return found if isinstance(sizes, list | tuple) and len(found) == len(sizes) else None


def clips(node: fx.Node) -> tuple[float | None, float | None] | None:
    """Least and largest value that a ReLU or the like lets through, or None for another function."""
    if node.target is _aten.relu.default:
        return 0.0, None
    if node.target is _aten.relu6.default:
        return 0.0, 6.0
    if node.target is _aten.hardtanh.default:
        return _bound(argument(node, 1, "min_val", -1.0)), _bound(argument(node, 2, "max_val", 1.0))
    if node.target is _aten.clamp.default:
        return _bound(argument(node, 1, "min", None)), _bound(argument(node, 2, "max", None))
    if node.target is _aten.clamp_min.default:
        return _bound(node.args[1]), None
    return None


def joins(node: fx.Node) -> list[fx.Node]:
    """The tensors that a sum, a product or a concatenation takes; empty for other functions."""
    if node.target not in _JOINS:
        return []
    if node.target is _aten.cat.default:
        (parts,) = node.args[:1]
        return [p for p in parts if isinstance(p, fx.Node)] if isinstance(parts, list | tuple) else []
    if argument(node, 2, "alpha", 1) != 1:
        return []
    both = [a for a in node.args[:2] if isinstance(a, fx.Node)]
    return both if len(both) == 2 else []


def pools(node: fx.Node) -> bool:
    """A mean over positions."""
    return node.target in _WINDOWS or means(node) is not None


def means(node: fx.Node) -> bool | None:
    """Whether a mean over all positions of images keeps their axes; None for another function."""
    if node.target is _aten.adaptive_avg_pool2d.default:
        size = node.args[1]
        return True if size == 1 or list(_ints(size)) == [1, 1] else None
    if node.target not in _MEANS or argument(node, 3, "dtype", None) is not None:
        return None
    if sorted(_ints(node.args[1])) not in ([2, 3], [-2, -1]):
        return None
    return bool(argument(node, 2, "keepdim", False))


def argument(node: fx.Node, position: int, name: str, default: Any) -> Any:
    """Of a function, however it is given."""
    if len(node.args) > position:
        return node.args[position]
    return node.kwargs.get(name, default)


def _ints(sizes: Any) -> list[int]:
    return [n for n in sizes if isinstance(n, int)] if isinstance(sizes, list | tuple) else []


def _bound(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
