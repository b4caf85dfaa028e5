"""Layers and functions of PyTorch as ONNX operators of opset 18, at known shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn

if TYPE_CHECKING:
    from archwright.cost._onnx_direct import Writer


class UnknownOperation(Exception):  # noqa: N818
    """An operation, or a setting of one, that is not written here."""


def _rank(node: fx.Node) -> int:
    return len(node.meta["tensor"][0])


def _tuple(value: int | Sequence[int], n: int) -> list[int]:
    return [value] * n if isinstance(value, int) else list(value)


# layers: (writer, layer, argument) -> name of the result -----------------------------------------------------------


def _conv(w: Writer, layer: Any, x: fx.Node) -> str:
    if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        raise UnknownOperation("padding")
    weights = [w.constant(p) for p in (layer.weight, layer.bias) if p is not None]
    attributes = {"kernel_shape": layer.kernel_size, "strides": layer.stride, "dilations": layer.dilation}
    return w.emit("Conv", w.value(x), *weights, pads=[*layer.padding] * 2, group=layer.groups, **attributes)


def _batch_norm(w: Writer, layer: Any, x: fx.Node) -> str:
    if layer.running_mean is None:
        raise UnknownOperation("batch statistics")
    scale = torch.ones_like(layer.running_mean) if layer.weight is None else layer.weight
    shift = torch.zeros_like(layer.running_mean) if layer.bias is None else layer.bias
    constants = [w.constant(c) for c in (scale, shift, layer.running_mean, layer.running_var)]
    return w.emit("BatchNormalization", w.value(x), *constants, epsilon=layer.eps)


def _linear(w: Writer, layer: Any, x: fx.Node) -> str:
    bias = [] if layer.bias is None else [w.constant(layer.bias)]
    if _rank(x) == 2:
        return w.emit("Gemm", w.value(x), w.constant(layer.weight), *bias, transB=1)
    product = w.emit("MatMul", w.value(x), w.constant(layer.weight.t()))
    return w.emit("Add", product, *bias) if bias else product


def _layer_norm(w: Writer, layer: Any, x: fx.Node) -> str:
    if layer.weight is None:
        raise UnknownOperation("layer norm without scale")
    constants = [w.constant(p) for p in (layer.weight, layer.bias) if p is not None]
    return w.emit("LayerNormalization", w.value(x), *constants, axis=-len(layer.normalized_shape), epsilon=layer.eps)


def _pool(operator: str) -> Callable[[Writer, Any, fx.Node], str]:
    def translate(w: Writer, layer: Any, x: fx.Node) -> str:
        n = _rank(x) - 2
        attributes: dict[str, Any] = {
            "kernel_shape": _tuple(layer.kernel_size, n),
            "strides": _tuple(layer.stride, n),
            "pads": _tuple(layer.padding, n) * 2,
            "ceil_mode": int(layer.ceil_mode),
        }
        if operator == "AveragePool":
            attributes["count_include_pad"] = int(layer.count_include_pad)
        else:
            attributes["dilations"] = _tuple(layer.dilation, n)
        if getattr(layer, "return_indices", False) or getattr(layer, "divisor_override", None):
            raise UnknownOperation("pooling")
        return w.emit(operator, w.value(x), **attributes)

    return translate


def _global_mean(w: Writer, output_size: Any, x: fx.Node) -> str:
    if any(n != 1 for n in (output_size if isinstance(output_size, tuple | list) else [output_size])):
        raise UnknownOperation("adaptive pooling")
    return w.emit("ReduceMean", w.value(x), w.constant([*range(2, _rank(x))]), keepdims=1)


def _one(operator: str, **attributes: Any) -> Callable[[Writer, str], str]:
    return lambda w, x: w.emit(operator, x, **attributes)


def _gelu(w: Writer, x: str) -> str:
    inner = w.emit("Erf", w.emit("Div", x, w.constant(math.sqrt(2))))
    return w.emit("Mul", w.emit("Mul", x, w.emit("Add", inner, w.constant(1.0))), w.constant(0.5))


_PLAIN: dict[str, Callable[[Writer, str], str]] = {
    "relu": _one("Relu"),
    "relu_": _one("Relu"),
    "sigmoid": _one("Sigmoid"),
    "tanh": _one("Tanh"),
    "hardswish": _one("HardSwish"),
    "hardsigmoid": _one("HardSigmoid", alpha=1 / 6, beta=0.5),
    "relu6": lambda w, x: w.emit("Clip", x, w.constant(0.0), w.constant(6.0)),
    "silu": lambda w, x: w.emit("Mul", x, w.emit("Sigmoid", x)),
    "neg": _one("Neg"),
}


def _gelu_layer(w: Writer, layer: Any, x: fx.Node) -> str:
    if layer.approximate != "none":
        raise UnknownOperation("approximate gelu")
    return _gelu(w, w.value(x))


def _flatten_layer(w: Writer, layer: Any, x: fx.Node) -> str:
    shape = x.meta["tensor"][0]
    end = layer.end_dim % len(shape)
    joined = (*shape[: layer.start_dim], math.prod(shape[layer.start_dim : end + 1]), *shape[end + 1 :])
    return w.emit("Reshape", w.value(x), w.constant(joined))


def _activation(name: str) -> Callable[[Writer, Any, fx.Node], str]:
    return lambda w, layer, x: _PLAIN[name](w, w.value(x))


def _same(w: Writer, layer: Any, x: fx.Node) -> str:
    return w.value(x)


LAYERS: dict[type[nn.Module], Callable[[Writer, Any, Any], str]] = {
    nn.Conv1d: _conv,
    nn.Conv2d: _conv,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.Linear: _linear,
    nn.LayerNorm: _layer_norm,
    nn.MaxPool2d: _pool("MaxPool"),
    nn.AvgPool2d: _pool("AveragePool"),
    nn.AdaptiveAvgPool2d: lambda w, layer, x: _global_mean(w, layer.output_size, x),
    nn.Flatten: _flatten_layer,
    nn.Identity: _same,
    nn.Dropout: _same,
    nn.ReLU: _activation("relu"),
    nn.ReLU6: _activation("relu6"),
    nn.SiLU: _activation("silu"),
    nn.GELU: _gelu_layer,
    nn.Sigmoid: _activation("sigmoid"),
    nn.Tanh: _activation("tanh"),
    nn.Hardswish: _activation("hardswish"),
    nn.Hardsigmoid: _activation("hardsigmoid"),
}


# functions: (writer, node) -> name of the result -------------------------------------------------------------------


def _argument(node: fx.Node, position: int, name: str, default: Any) -> Any:
    return node.args[position] if len(node.args) > position else node.kwargs.get(name, default)


def _binary(operator: str) -> Callable[[Writer, fx.Node], str]:
    def translate(w: Writer, node: fx.Node) -> str:
        if len(node.args) != 2 or node.kwargs:
            raise UnknownOperation(operator)
        return w.emit(operator, w.value(node.args[0]), w.value(node.args[1]))

    return translate


def _function(name: str) -> Callable[[Writer, fx.Node], str]:
    return lambda w, node: _PLAIN[name](w, w.value(node.args[0]))


def _reshape(w: Writer, node: fx.Node) -> str:
    return w.emit("Reshape", w.value(node.args[0]), w.constant(node.meta["tensor"][0]))


def _cat(w: Writer, node: fx.Node) -> str:
    parts: Any = node.args[0]
    return w.emit("Concat", *map(w.value, parts), axis=_argument(node, 1, "dim", 0))


def _mean(w: Writer, node: fx.Node) -> str:
    axes = _argument(node, 1, "dim", None)
    if axes is None or not isinstance(node.args[0], fx.Node):
        raise UnknownOperation("mean over everything")
    keep = int(_argument(node, 2, "keepdim", False))
    return w.emit("ReduceMean", w.value(node.args[0]), w.constant(_tuple(axes, 1)), keepdims=keep)


def _pad(w: Writer, node: fx.Node) -> str:
    widths: Any = node.args[1]
    if _argument(node, 2, "mode", "constant") != "constant" or _argument(node, 3, "value", None):
        raise UnknownOperation("padding")
    n = len(widths) // 2
    before, after = [widths[2 * i] for i in reversed(range(n))], [widths[2 * i + 1] for i in reversed(range(n))]
    rest = [0] * (_rank(node) - n)
    return w.emit("Pad", w.value(node.args[0]), w.constant([*rest, *before, *rest, *after]))


def _slice(w: Writer, node: fx.Node) -> str:
    index: Any = node.args[1] if isinstance(node.args[1], tuple) else (node.args[1],)
    if not all(isinstance(i, slice) and all(a is None or isinstance(a, int) for a in (i.start, i.stop)) for i in index):
        raise UnknownOperation("indexing")
    used = [axis for axis, i in enumerate(index) if i != slice(None)]
    starts = [index[axis].start or 0 for axis in used]
    stops = [2**31 if index[axis].stop is None else index[axis].stop for axis in used]
    steps = [index[axis].step or 1 for axis in used]
    return w.emit("Slice", w.value(node.args[0]), *map(w.constant, (starts, stops, used, steps)))


def _adaptive(w: Writer, node: fx.Node) -> str:
    x: Any = node.args[0]
    return _global_mean(w, _argument(node, 1, "output_size", None), x)


def _dropout(w: Writer, node: fx.Node) -> str:
    if _argument(node, 2, "training", True):
        raise UnknownOperation("dropout in training")
    return w.value(node.args[0])


FUNCTIONS: dict[str, Callable[[Writer, fx.Node], str]] = {
    **{name: _function(name) for name in _PLAIN},
    **{name: _binary("Add") for name in ("add", "iadd")},
    **{name: _binary("Sub") for name in ("sub", "isub")},
    **{name: _binary("Mul") for name in ("mul", "imul")},
    **{name: _binary("Div") for name in ("truediv", "div")},
    **dict.fromkeys(("flatten", "view", "reshape", "squeeze", "unsqueeze"), _reshape),
    "cat": _cat,
    "mean": _mean,
    "pad": _pad,
    "getitem": _slice,
    "adaptive_avg_pool2d": _adaptive,
    "dropout": _dropout,
    "contiguous": lambda w, node: w.value(node.args[0]),
}
