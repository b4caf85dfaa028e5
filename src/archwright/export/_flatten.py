"""Any traceable module as one flat graph of `torch.nn` layers with readable names."""

from __future__ import annotations

import collections
import copy
import keyword
import re
from typing import Any

from torch import Tensor, fx, nn

from archwright.cost._trace import trace
from archwright.errors import UserError
from archwright.export._layer import constructor, kind, stateless

_TAKEN = frozenset(dir(nn.Module()))


def flatten(module: nn.Module) -> fx.GraphModule:
    """A copy of `module` on the CPU, in eval mode, as a graph whose layers are direct attributes.

    Containers and `nn.Identity` are gone, equal stateless layers are one, and every name is a Python identifier:
    `blocks.0.conv` becomes `blocks_0_conv`. Names that are flat stay: flattening twice changes nothing, and a flat
    module keeps the keys of its state dict. Tensors read by the graph become parameters or buffers.

    Args:
        module: anything `torch.fx` can trace: `forward` without branches on tensor values.

    Raises:
        UserError: the module cannot be traced; the message says where.
    """
    traced = trace(copy.deepcopy(module).cpu().eval(), "be written as plain code")
    _drop_identities(traced)
    names = _names(traced)
    root: dict[str, Any] = {}
    for node in traced.graph.nodes:
        if node.op == "call_module":
            root.setdefault(names[node.target], traced.get_submodule(node.target))
        elif node.op == "get_attr":
            root.setdefault(names[node.target], _tensor(traced, node.target))
        else:
            continue
        node.target = names[node.target]
    flat = fx.GraphModule(root, traced.graph)
    flat.eval()
    return flat


def _tensor(module: nn.Module, target: str) -> Tensor:
    path, _, name = target.rpartition(".")
    value = getattr(module.get_submodule(path), name)
    if not isinstance(value, Tensor):
        raise UserError(f"attribute {target!r} of the network is a {type(value).__name__}, not a tensor")
    return value if isinstance(value, nn.Parameter) else value.detach()


def _drop_identities(traced: fx.GraphModule) -> None:
    for node in list(traced.graph.nodes):
        if _is_identity(node, traced):
            node.replace_all_uses_with(node.args[0])
            traced.graph.erase_node(node)


def _is_identity(node: fx.Node, traced: fx.GraphModule) -> bool:
    """`nn.Identity`, and torchvision's stochastic depth, which does nothing in eval mode."""
    if node.op == "call_module":
        return isinstance(traced.get_submodule(str(node.target)), nn.Identity)
    if node.op != "call_function" or getattr(node.target, "__name__", "") != "stochastic_depth":
        return False
    training = node.kwargs.get("training", node.args[3] if len(node.args) > 3 else True)
    return training is False


def _names(traced: fx.GraphModule) -> dict[str, str]:
    """Old target to new name, in order of first use; what holds numbers chooses its name first."""
    used: set[str] = set()
    nodes = [node for node in traced.graph.nodes if node.op in ("call_module", "get_attr")]
    layers = {node.target: traced.get_submodule(node.target) for node in nodes if node.op == "call_module"}
    plain = {target for target, layer in layers.items() if stateless(layer)}
    paths = {node.target: _path(node.target, layers.get(node.target)) for node in nodes if node.target not in plain}
    names = {target: _unique(name, used) for target, name in _shortest(paths).items()}
    shared: dict[str, str] = {}
    for target in (node.target for node in nodes if node.target in plain):
        text = constructor(layers[target])
        shared[text] = shared.get(text) or _unique(kind(layers[target]), used)
        names[target] = shared[text]
    return names


def _path(target: str, layer: nn.Module | None) -> list[str]:
    """Parts of the dotted name; a last part that is only a position gets the kind of layer in front."""
    path = target.split(".")
    if layer is not None and path[-1].isdigit():
        path[-1] = kind(layer) + path[-1]
    return path


def _shortest(paths: dict[str, list[str]]) -> dict[str, str]:
    """Joined names without the leading positions in a `Sequential`, of which as many are kept as tell names apart."""
    kept = dict.fromkeys(paths, 0)
    names = {target: _join(path, 0) for target, path in paths.items()}
    for _ in range(max(map(len, paths.values()), default=0)):
        count = collections.Counter(names.values())
        for target in (target for target in paths if count[names[target]] > 1):
            kept[target] += 1
            names[target] = _join(paths[target], kept[target])
    return names


def _join(path: list[str], kept: int) -> str:
    """`block2_conv` for `0.2.conv` with one leading position kept."""
    leading = next((i for i, part in enumerate(path) if not part.isdigit()), len(path) - 1)
    positions = path[max(0, leading - kept) : leading]
    parts = ["block" + "_".join(positions)] if positions else []
    return re.sub(r"\W", "_", "_".join([*parts, *path[leading:]]))


def _unique(name: str, used: set[str]) -> str:
    """`name`, or with a number behind where it is taken by another layer or by `nn.Module` itself."""
    name = name + "_" if name in _TAKEN or keyword.iskeyword(name) else name
    candidate, n = name, 1
    while candidate in used:
        n += 1
        candidate = f"{name}_{n}"
    used.add(candidate)
    return candidate
