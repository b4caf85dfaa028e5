"""A network in two halves, to train the second on stored outputs of the first."""

from __future__ import annotations

import torch.fx
from torch import nn
from torch.fx import GraphModule, Node

from archwright.errors import UserError, nearest
from archwright.supernet._slice import drawn


def cut(module: nn.Module, trunk: str) -> tuple[GraphModule, GraphModule]:
    """Everything up to and with the submodule `trunk`, and everything after it: `after(before(x))` is `module(x)`.

    Both halves hold the layers of `module` themselves, not copies.

    Args:
        module: a plain network, as `Supernet.slice` gives, whose forward `torch.fx` can follow.
        trunk: dotted name of a submodule that runs once, gives one tensor, and past which nothing of the input goes.

    Raises:
        UserError: no such submodule, or the network cannot be cut behind it.
    """
    names = [name for name, _ in module.named_modules() if name]
    if trunk not in names:
        alike = [name for name in names if name.count(".") <= trunk.count(".")]
        raise UserError(f"the network has no module {trunk!r}{nearest(trunk, alike)}")
    whole = module.get_submodule(trunk)
    try:
        graph = drawn(module, whole)
    except Exception as error:  # torch.fx raises many types for control flow it cannot follow
        raise UserError(
            f"the network cannot be traced by torch.fx ({error}), so it cannot be cut at {trunk!r}"
        ) from error
    calls = [n for n in graph.nodes if n.op == "call_module" and module.get_submodule(str(n.target)) is whole]
    if len(calls) != 1:
        raise UserError(f"the network can be cut behind a module that runs once; {trunk!r} runs {len(calls)} times")
    return _before(module, graph, calls[0]), _after(module, graph, calls[0])


def _before(module: nn.Module, graph: torch.fx.Graph, end: Node) -> GraphModule:
    half, copies = torch.fx.Graph(), dict[Node, Node]()
    for node in graph.nodes:
        copies[node] = half.node_copy(node, copies.__getitem__)
        if node is end:
            break
    half.output(copies[end])
    return _made(module, half)


def _after(module: nn.Module, graph: torch.fx.Graph, end: Node) -> GraphModule:
    half, constants = torch.fx.Graph(), set[Node]()
    copies = {end: half.placeholder("features")}

    def copied(node: Node) -> Node:
        if node not in copies and node in constants:
            copies[node] = half.node_copy(node, copied)
        if node not in copies:
            raise UserError(f"the network cannot be cut behind {end.target!r}: what follows also reads {node.name!r}")
        return copies[node]

    for node in graph.nodes:
        inputs = node.all_input_nodes
        if node.op == "get_attr" or (node.op.startswith("call") and constants.issuperset(inputs)):
            constants.add(node)
        elif node is not end and any(n in copies and n not in constants for n in inputs):
            copies[node] = half.node_copy(node, copied)
    if not any(node.op == "output" for node in half.nodes):
        raise UserError(f"the network cannot be cut behind {end.target!r}, which does not reach its output")
    return _made(module, half)


def _made(module: nn.Module, graph: torch.fx.Graph) -> GraphModule:
    half = GraphModule(module, graph, class_name="Half")
    half.training = module.training
    return half
