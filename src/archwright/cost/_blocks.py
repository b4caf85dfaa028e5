"""A network cut into the pieces a look-up table knows: a layer with the normalisation and activation behind it."""

from __future__ import annotations

import dataclasses
import inspect
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from archwright.cost._mode import inference
from archwright.cost._trace import trace

_ACTIVATIONS = {"relu", "relu_", "relu6", "silu", "gelu", "hardswish", "hardsigmoid", "sigmoid", "tanh", "leaky_relu"}


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """One operation, or a layer with what runtimes fuse into it, at known input shapes.

    Args:
        key: what is computed on which shapes; equal keys cost the same.
        module: takes the inputs in order.
        inputs: shape and type of each.
        device: where the network was.
    """

    key: str
    module: fx.GraphModule
    inputs: tuple[tuple[tuple[int, ...], torch.dtype], ...]
    device: torch.device

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of these shapes, ones so that no result is out of range."""
        return tuple(torch.ones(shape, dtype=dtype, device=self.device) for shape, dtype in self.inputs)


def blocks(module: nn.Module, x: Tensor) -> list[Block]:
    """The operations of one forward pass on `x` in order; bookkeeping on shapes is free and left out.

    Raises:
        UserError: the module cannot be traced.
    """
    with inference(module):
        traced = trace(module, "be cut into operations")
        Shapes(traced).run(x)
    groups: list[list[fx.Node]] = []
    last: dict[fx.Node, list[fx.Node]] = {}  # group by its last node
    for node in traced.graph.nodes:
        if not _is_operation(node):
            continue
        before = node.all_input_nodes[0] if len(node.all_input_nodes) == 1 else None
        if before in last and len(before.users) == 1 and _joins(node, traced):
            group = last.pop(before)
            group.append(node)
        else:
            group = [node]
            groups.append(group)
        last[node] = group
    return [_block(group, traced, x.device) for group in groups]


class Shapes(fx.Interpreter):
    """Keeps what each node computed: shape and type of a tensor, the value of anything else."""

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor):
            n.meta["tensor"] = (tuple(result.shape), result.dtype)
        else:
            n.meta["value"] = result
        return result


def _is_operation(node: fx.Node) -> bool:
    """Computes tensors: not an input, an output, a stored tensor, `x.shape` or a part of a tuple."""
    if node.op in ("placeholder", "output", "get_attr"):
        return False
    if node.target is operator.getitem:
        return "tensor" in node.meta and "tensor" in node.args[0].meta  # type: ignore[union-attr]
    if "tensor" in node.meta:
        return True
    return node.op == "call_module" or any(isinstance(v, Tensor) for v in _leaves(node.meta["value"]))


def _leaves(value: Any) -> Sequence[Any]:
    return value if isinstance(value, tuple | list) else (value,)


def _joins(node: fx.Node, traced: fx.GraphModule) -> bool:
    """Normalisation and activation, which runtimes fuse into the layer in front."""
    if node.op == "call_module":
        layer = traced.get_submodule(str(node.target))
        if isinstance(layer, nn.modules.batchnorm._BatchNorm | nn.Identity | nn.Dropout):
            return True
        return type(layer).__module__ == nn.ReLU.__module__ and not isinstance(layer, nn.MultiheadAttention)
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return name in _ACTIVATIONS


def _block(group: Sequence[fx.Node], traced: fx.GraphModule, device: torch.device) -> Block:
    """The nodes of a group as a graph of their own; stored tensors go along, computed ones become inputs."""
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    outer = dict.fromkeys(a for node in group for a in node.all_input_nodes if a not in group and "tensor" in a.meta)
    given = [a for a in outer if a.op != "get_attr"]
    for i, node in enumerate(given):
        copies[node] = graph.placeholder(f"x{i}")
    for node in (a for a in outer if a.op == "get_attr"):
        copies[node] = graph.node_copy(node)

    def argument(node: fx.Node) -> Any:
        return copies[node] if node in copies else node.meta["value"]

    for node in group:
        copies[node] = graph.create_node(
            node.op, node.target, fx.node.map_arg(node.args, argument), fx.node.map_arg(node.kwargs, argument)
        )
    graph.output(copies[group[-1]])
    inputs = tuple(node.meta["tensor"] for node in given)
    shapes = ", ".join(_shape(shape, dtype) for shape, dtype in inputs)
    key = f"{' + '.join(_text(node, traced) for node in group)} @ {shapes}"
    return Block(key, fx.GraphModule(traced, graph), inputs, device)


def _text(node: fx.Node, traced: fx.GraphModule) -> str:
    if node.op == "call_module":
        return _layer_text(traced.get_submodule(str(node.target)))
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))

    def show(a: fx.Node) -> Any:
        if "tensor" not in a.meta:
            return a.meta["value"]
        return _Shown(_shape(*a.meta["tensor"]) if a.op == "get_attr" else "x")

    arguments = [repr(a) for a in fx.node.map_arg(node.args, show)]
    arguments += [f"{k}={v!r}" for k, v in fx.node.map_arg(dict(node.kwargs), show).items()]
    return f"{name}({', '.join(arguments)})"


class _Shown(str):
    """Prints without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _layer_text(layer: nn.Module) -> str:
    """Type and every attribute that is not its default: `repr` leaves some out (the heads of attention)."""
    defaults = {name: p.default for name, p in inspect.signature(type(layer)).parameters.items()}
    shown = []
    for name, value in vars(layer).items():
        value = value[0] if isinstance(value, tuple) and len(set(value)) == 1 and name in defaults else value
        free = name.startswith("_") or name in ("training", "inplace", "momentum")
        if free or not isinstance(value, bool | int | float | str | tuple | list):
            continue
        if value != defaults[name] if name in defaults else any(_leaves(value)):
            shown.append(f"{name}={value!r}")
    shown += [f"params={sum(p.numel() for p in layer.parameters())}"] * any(True for _ in layer.parameters())
    dtypes = {str(p.dtype).removeprefix("torch.") for p in layer.parameters()} - {"float32"}
    return f"{type(layer).__name__}({', '.join(shown + sorted(dtypes))})"


def _shape(shape: tuple[int, ...], dtype: torch.dtype) -> str:
    text = "x".join(map(str, shape)) or "scalar"
    return text if dtype is torch.float32 else f"{text} {str(dtype).removeprefix('torch.')}"
