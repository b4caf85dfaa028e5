"""A simulated integer network with ONNX's quantisation operators in it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor, fx, nn

from archwright.compress import Affine, Quantised, Stored
from archwright.compress._operations import clips, means, moves, pads
from archwright.compress._plain import plain_layer
from archwright.compress._stored import BITS

_symbolic = torch.onnx.ops.symbolic


def with_operators(deployable: fx.GraphModule, ranks: dict[str, int], *, int4: bool = False) -> fx.GraphModule:
    """A copy that `torch.onnx.export` writes with QuantizeLinear and DequantizeLinear around every integer operation;
    it cannot be run in PyTorch.

    A clipping before a quantiser becomes its least and largest code. Padding by zeros is done to codes. A mean over all
    positions is a GlobalAveragePool, which runtimes compute with integers.

    Args:
        deployable: from `compress.deployable`.
        ranks: axes of the input of every layer.
        int4: whether codes of up to 4 bits stay such.
    """
    work = copy.deepcopy(deployable)
    for node in list(work.graph.nodes):
        part = work.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(part, Stored):
            _absorb(work, node, part)
    for node in list(work.graph.nodes):
        if node._erased:
            continue
        part = work.get_submodule(str(node.target)) if node.op == "call_module" else None
        stored = _stored(work, node.args[0]) if node.args else None
        if isinstance(part, Quantised):
            _replace(work, node, _layer(part, stored, ranks[str(node.target)], int4=int4))
        elif stored is not None and pads(node) is not None:
            _pad(work, node, stored)
        elif stored is not None and means(node) is not None and _feeds_integers(work, node):
            _replace(work, node, _GlobalPool(bool(means(node))))
    for name, part in list(work.named_modules()):
        if isinstance(part, Stored):
            work.set_submodule(name, _Store(part))
    work.graph.lint()
    work.delete_all_unused_submodules()
    work.recompile()
    return work


def _stored(graph: fx.GraphModule, value: Any) -> Stored | None:
    """The grid of a tensor that is kept as integers."""
    while isinstance(value, fx.Node) and moves(value):
        value = value.args[0]
    if not isinstance(value, fx.Node) or value.op != "call_module":
        return None
    part = graph.get_submodule(str(value.target))
    return part if isinstance(part, Stored) else None


def _feeds_integers(graph: fx.GraphModule, node: fx.Node) -> bool:
    return all(_stored(graph, user) is not None for user in node.users)


def _absorb(graph: fx.GraphModule, node: fx.Node, stored: Stored) -> None:
    """Do what is clipped before the quantiser to its codes."""
    before = node.args[0]
    while isinstance(before, fx.Node) and len(before.users) == 1 and (bounds := clips(before)) is not None:
        stored = stored.clipped(*bounds)
        node.args = (before.args[0],)
        graph.graph.erase_node(before)
        before = node.args[0]
    graph.set_submodule(str(node.target), stored)


def _pad(graph: fx.GraphModule, node: fx.Node, stored: Stored) -> None:
    sizes = pads(node)
    assert sizes is not None
    _replace(graph, node, _Pad(stored, sizes))
    for user in list(node.users):
        again = _stored(graph, user)
        if again is not None and again.key == stored.key:  # it comes out as codes already
            user.replace_all_uses_with(node)
            graph.graph.erase_node(user)


def _replace(graph: fx.GraphModule, node: fx.Node, module: nn.Module) -> None:
    name = f"{node.name}_written"
    graph.add_module(name, module)
    node.op, node.target, node.args, node.kwargs = "call_module", name, (node.args[0],), {}


def _operator(name: str, *inputs: Tensor, like: Tensor, dtype: torch.dtype, **attributes: Any) -> Tensor:
    found = _symbolic(name, inputs, attrs=attributes, dtype=dtype, shape=like.shape)
    assert isinstance(found, Tensor)
    return found


@final
class _Store(nn.Module):
    """QuantizeLinear, Clip where codes are left out, DequantizeLinear."""

    scale: Tensor
    zero: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, stored: Stored) -> None:
        super().__init__()
        self.full = stored.full
        self.register_buffer("scale", stored.scale.clone())
        for name, code in (("zero", stored.zero), ("low", stored.low), ("high", stored.high)):
            self.register_buffer(name, torch.tensor(code, dtype=torch.uint8))

    def codes(self, x: Tensor) -> Tensor:
        found = _operator("QuantizeLinear", x, self.scale, self.zero, like=x, dtype=torch.uint8)
        return found if self.full else _operator("Clip", found, self.low, self.high, like=x, dtype=torch.uint8)

    def values(self, codes: Tensor) -> Tensor:
        return _operator("DequantizeLinear", codes, self.scale, self.zero, like=codes, dtype=torch.float32)

    def forward(self, x: Tensor) -> Tensor:
        return self.values(self.codes(x))


@final
class _Pad(nn.Module):
    """Codes of 0 around the codes."""

    def __init__(self, stored: Stored, sizes: list[int]) -> None:
        super().__init__()
        self.store = _Store(Stored(stored.scale, stored.zero))
        self.sizes, self.value = sizes, stored.zero

    def forward(self, x: Tensor) -> Tensor:
        return self.store.values(nn.functional.pad(self.store.codes(x), self.sizes, value=self.value))


@final
class _GlobalPool(nn.Module):
    """The mean over all positions."""

    def __init__(self, keep: bool) -> None:
        super().__init__()
        self.keep = keep

    def forward(self, x: Tensor) -> Tensor:
        found = _operator("GlobalAveragePool", x, like=x[:, :, :1, :1], dtype=x.dtype)
        return found if self.keep else found.flatten(1)


@final
class _Constant(nn.Module):
    """Integers times steps, as DequantizeLinear of a stored tensor."""

    codes: Tensor
    scale: Tensor
    zero: Tensor

    def __init__(self, codes: Tensor, scale: Tensor, zero: Tensor, axis: int = 0) -> None:
        super().__init__()
        self.axis = axis
        self.register_buffer("codes", codes)
        self.register_buffer("scale", scale)
        self.register_buffer("zero", zero)

    def forward(self) -> Tensor:
        return _operator(
            "DequantizeLinear", self.codes, self.scale, self.zero, like=self.codes, dtype=torch.float32, axis=self.axis
        )


@final
class _Layer(nn.Module):
    """A layer with integer weights and a 32-bit bias."""

    def __init__(self, how: Callable[..., Tensor], weight: _Constant, bias: nn.Module | None) -> None:
        super().__init__()
        self.weight, self.bias, self._how = weight, bias, how

    def forward(self, x: Tensor) -> Tensor:
        return self._how(x, self.weight(), None if self.bias is None else self.bias())


@final
class _Float(nn.Module):
    """A bias as it is."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = nn.Parameter(value.detach().clone(), requires_grad=False)

    def forward(self) -> Tensor:
        return self.value


def _layer(quantised: Quantised, stored: Stored | None, rank: int, *, int4: bool) -> nn.Module:
    """As a runtime takes it: linear layers of inputs with more than two axes are matrix products with the weights
    transposed and a sum in floats."""
    weights, inner = quantised.weights, quantised.layer
    if not isinstance(weights, Affine) or weights.bits > BITS or quantised.inputs is not None:
        return plain_layer(quantised)
    product = isinstance(inner, nn.Linear) and rank > 2
    codes, scale, zero = integer_weights(quantised, int4=int4)
    weight = _Constant(codes.T.contiguous(), scale, zero, 1) if product else _Constant(codes, scale, zero)
    bias: nn.Module | None = None
    if inner.bias is not None:
        bias = _Float(inner.bias) if stored is None or product else _bias(inner.bias, stored.scale * scale)
    if product:
        return _Layer(_product, weight, bias)
    if isinstance(inner, nn.Linear):
        return _Layer(nn.functional.linear, weight, bias)
    hollow = copy.copy(inner)
    hollow._parameters = {}
    return _Layer(hollow._conv_forward, weight, bias)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    found = torch.matmul(x, weight)
    return found if bias is None else found + bias


def integer_weights(quantised: Quantised, *, int4: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Codes, steps and zero points, one for each output channel: int8 with zero points 0 where the distances of codes
    and zero points fit in it, as kernels are fastest then (symmetric weights, and all of fewer than 8 bits); else, and
    where asymmetric codes of up to 4 bits are to stay such, uint8 with zero points."""
    weights, inner = quantised.weights, quantised.layer
    assert isinstance(weights, Affine)
    masked = inner.weight if quantised.mask is None else inner.weight * quantised.mask
    codes, channels = weights.codes(masked.detach()), len(inner.weight)
    scale, zero = (v.detach().expand(channels, *v.shape[1:]).flatten().clone() for v in (weights.scale, weights.zero))
    if weights.symmetric or (weights.bits < BITS and not (int4 and weights.bits <= BITS // 2)):
        return (codes - weights.zero).to(torch.int8), scale, torch.zeros_like(zero, dtype=torch.int8)
    return codes.to(torch.uint8), scale, zero.to(torch.uint8)


def _bias(bias: Tensor, unit: Tensor) -> _Constant:
    codes = (bias.double() / unit.double()).round().to(torch.int32)
    return _Constant(codes, unit, torch.zeros_like(codes))
