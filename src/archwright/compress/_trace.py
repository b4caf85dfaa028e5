"""A network as a graph of plain layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.utils._pytree import tree_leaves

from archwright.compress._any_rank import AnyRank
from archwright.compress._untraceable import quiet, reason
from archwright.errors import UserError

_aten = torch.ops.aten
_FUNCTIONAL: dict[Any, Any] = {
    _aten.relu_.default: _aten.relu.default,
    _aten.add_.Tensor: _aten.add.Tensor,
    _aten.mul_.Tensor: _aten.mul.Tensor,
    _aten.hardtanh_.default: _aten.hardtanh.default,
    _aten.hardswish_.default: _aten.hardswish.default,
    _aten.hardsigmoid_.default: _aten.hardsigmoid.default,
    _aten.silu_.default: _aten.silu.default,
    _aten.leaky_relu_.default: _aten.leaky_relu.default,
    _aten.elu_.default: _aten.elu.default,
    _aten.sub_.Tensor: _aten.sub.Tensor,
    _aten.div_.Tensor: _aten.div.Tensor,
    _aten.relu6_.default: _aten.relu6.default,
    _aten.sigmoid_.default: _aten.sigmoid.default,
    _aten.tanh_.default: _aten.tanh.default,
    _aten.mish_.default: _aten.mish.default,
    _aten.clamp_.default: _aten.clamp.default,
    _aten.dropout_.default: _aten.dropout.default,
    _aten.feature_dropout_.default: _aten.feature_dropout.default,
}
Layer = nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear
_NEAR = {torch.float64: 1e-3, torch.float32: 1e-3, torch.float16: 0.05, torch.bfloat16: 0.4}
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


def trace(module: nn.Module | ExportedProgram, example: Tensor | tuple[Any, ...]) -> fx.GraphModule:
    """`module` in eval mode as a graph in which every convolution, linear layer and batch normalisation is a module
    under its own name, and everything else a function without side effects. Weights are copied.

    Args:
        module: any network that `torch.export` can read; a residual network, a transformer, one of the zoo; or what it
            gave.
        example: its input, a batch of at least 2, or a tuple of inputs; the first axis of each becomes free. Of a
            program that is already exported, shapes are what they are.

    Raises:
        UserError: the network cannot be traced; the message names the line that stops it.
    """
    if isinstance(module, ExportedProgram):
        return _plain(module.module())
    inputs = example if isinstance(example, tuple) else (example,)
    was = module.training
    batch = torch.export.Dim("batch", min=1)
    shapes = tuple({0: batch} if isinstance(x, Tensor) and x.ndim else None for x in inputs)
    try:
        module.eval()
        with torch.no_grad(), quiet():
            exported = torch.export.export(module, inputs, dynamic_shapes=shapes).module()
    except Exception as error:
        raise UserError(f"{type(module).__name__} cannot be traced: {reason(error)}") from error
    finally:
        module.train(was)
    graph = _plain(exported)
    _check_same(module, graph, inputs)
    return graph


def layers(graph: fx.GraphModule) -> dict[str, Layer]:
    """Convolutions and linear layers by name, in the order they run."""
    found: dict[str, Layer] = {}
    for node in graph.graph.nodes:
        if node.op == "call_module":
            part = graph.get_submodule(node.target)
            if isinstance(part, LAYERS):
                found[node.target] = part
    return found


@torch.no_grad()
def _check_same(module: nn.Module, graph: fx.GraphModule, inputs: tuple[Any, ...]) -> None:
    """Raises UserError if the graph computes something else, unless the network itself never computes the same."""

    def outputs(network: nn.Module) -> list[Tensor]:
        found = network(*(x[:2].clone() if isinstance(x, Tensor) and x.ndim else x for x in inputs))
        return [x for x in tree_leaves(found) if isinstance(x, Tensor) and x.dtype in _NEAR]

    was = module.training
    wanted, again, found = outputs(module.eval()), outputs(module), outputs(graph)
    module.train(was)
    for one, other, got in zip(wanted, again, found, strict=True):
        near = _NEAR[one.dtype] * max(1e-3, float(one.detach().abs().max()) if one.numel() else 0.0)
        if bool(((one - other).abs() <= near).all()) and not bool(((one - got).abs() <= near).all()):
            raise UserError(
                f"{type(module).__name__} cannot be traced: it changes a tensor in place that it reads again in "
                "another form; use operations that are not in place"
            )


def _plain(exported: fx.GraphModule) -> fx.GraphModule:
    root, graph = nn.Module(), fx.Graph()
    place: dict[fx.Node, fx.Node] = {}
    fixed: set[fx.Node] = set()

    def value(node: fx.Node) -> Tensor:
        if node.op == "call_function":  # of tensors of the network only, such as a weight times its mask
            return node.target(*fx.map_arg(node.args, value), **fx.map_arg(node.kwargs, value))  # type: ignore[operator]
        found: Any = exported
        for part in str(node.target).split("."):
            found = getattr(found, part)
        return found

    for node in exported.graph.nodes:
        if node.op == "call_module":  # guards of the export
            continue
        if node.op == "output":
            (result,) = node.args
            single = isinstance(result, tuple | list) and len(result) == 1
            graph.output(fx.map_arg(result[0] if single else result, lambda n: place[n]))
            continue
        if node.op == "get_attr" or (node.all_input_nodes and fixed.issuperset(node.all_input_nodes)):
            fixed.add(node)
        builder = _BUILDERS.get(node.target) if fixed.issuperset(node.all_input_nodes[1:]) else None
        if builder is None:
            fresh = graph.node_copy(node, lambda n: place[n])
            if node.op == "get_attr":
                _keep(root, str(node.target), value(node))
            place[node] = fresh
            if fresh.target in _FUNCTIONAL:
                fresh.target = _FUNCTIONAL[fresh.target]
                place[node.args[0]] = fresh  # later readers see what was written there
            continue
        layer = builder(node, value)
        name = _unused(root, _path(node))
        _attach(root, name, layer)
        place[node] = graph.call_module(name, (place[node.args[0]],))
        place[node].meta = {"nn_module_stack": node.meta.get("nn_module_stack"), "axes": node.meta["val"].ndim}
    computed = {place[node] for node in fixed}
    for node in reversed(graph.nodes):
        if not node.users and node in computed and node.op != "call_module":
            graph.erase_node(node)
    graph.lint()
    return fx.GraphModule(_pruned(root, graph), graph)


def _path(node: fx.Node) -> str:
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack and stack[-1][0] else node.name


def _unused(root: nn.Module, name: str) -> str:
    taken, found, n = {k for k, m in root.named_modules() if type(m) is not nn.Module}, name, 2
    while found in taken or not found:
        found, n = f"{name}_{n}", n + 1
    return found


def _attach(root: nn.Module, name: str, layer: nn.Module) -> None:
    *parents, last = name.split(".")
    for part in parents:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root._modules[part]  # type: ignore[assignment]
    root.add_module(last, layer)


def _keep(root: nn.Module, name: str, tensor: Tensor) -> None:
    *parents, last = name.split(".")
    for part in parents:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root._modules[part]  # type: ignore[assignment]
    if isinstance(tensor, nn.Parameter):
        root.register_parameter(last, nn.Parameter(tensor.detach().clone()))
    else:
        root.register_buffer(last, tensor.detach().clone())


def _pruned(root: nn.Module, graph: fx.Graph) -> nn.Module:
    """`root` without the tensors that no node reads any more."""
    read = {str(n.target) for n in graph.nodes if n.op == "get_attr"}
    used = {str(n.target) for n in graph.nodes if n.op == "call_module"}
    for name, part in list(root.named_modules()):
        if name in used:
            continue
        for key in [*part._parameters, *part._buffers]:
            if f"{name}.{key}".lstrip(".") not in read and not any(name.startswith(f"{u}.") for u in used):
                delattr(part, key)
    return root


Value = Callable[[fx.Node], Tensor]


def _argument(node: fx.Node, n: int, default: Any) -> Any:
    return node.args[n] if len(node.args) > n else default


def _tensor(node: fx.Node, n: int, value: Value) -> Tensor | None:
    argument = _argument(node, n, None)
    return None if argument is None else value(argument).detach()


def _filled(layer: nn.Module, weight: Tensor | None, bias: Tensor | None) -> nn.Module:
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None:
            setattr(layer, name, nn.Parameter(tensor.clone()))
    return layer.eval()


def _spread(values: Sequence[int], sides: int) -> Any:
    """One value stands for all sides."""
    return tuple(values) * (sides if len(values) == 1 else 1)


def _convolution(kind: type[nn.Conv1d | nn.Conv2d | nn.Conv3d]) -> Callable[[fx.Node, Value], nn.Module]:
    def build(node: fx.Node, value: Value) -> nn.Module:
        weight, bias = _tensor(node, 1, value), _tensor(node, 2, value)
        assert weight is not None
        groups = _argument(node, 6, 1)
        padding, sides = _argument(node, 4, [0]), weight.ndim - 2
        layer = kind(
            weight.shape[1] * groups,
            weight.shape[0],
            tuple(weight.shape[2:]),  # type: ignore[arg-type]
            _spread(_argument(node, 3, [1]), sides),
            padding if isinstance(padding, str) else _spread(padding, sides),
            _spread(_argument(node, 5, [1]), sides),
            groups,
            bias is not None,
            device="meta",
        )
        return _filled(layer, weight, bias)

    return build


def _linear(node: fx.Node, value: Value) -> nn.Module:
    weight, bias = _tensor(node, 1, value), _tensor(node, 2, value)
    assert weight is not None
    return _filled(nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta"), weight, bias)


def _batch_norm(node: fx.Node, value: Value) -> nn.Module:
    mean, variance = _tensor(node, 3, value), _tensor(node, 4, value)
    if mean is None or variance is None:
        raise UserError(f"batch normalisation {_path(node)} has no running statistics; it cannot be folded")
    layer = AnyRank(len(mean), eps=_argument(node, 7, 1e-5), momentum=_argument(node, 6, 0.1))
    layer.running_mean, layer.running_var = mean.clone(), variance.clone()
    return _filled(layer, _tensor(node, 1, value), _tensor(node, 2, value))


_BUILDERS: dict[Any, Callable[[fx.Node, Value], nn.Module]] = {
    _aten.conv1d.default: _convolution(nn.Conv1d),
    _aten.conv2d.default: _convolution(nn.Conv2d),
    _aten.conv3d.default: _convolution(nn.Conv3d),
    _aten.conv1d.padding: _convolution(nn.Conv1d),
    _aten.conv2d.padding: _convolution(nn.Conv2d),
    _aten.conv3d.padding: _convolution(nn.Conv3d),
    _aten.linear.default: _linear,
    _aten.batch_norm.default: _batch_norm,
}
