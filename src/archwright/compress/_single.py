"""Networks of any precision in float32."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, fx, nn

from archwright.compress._trace import trace


def single(x: Tensor) -> Tensor:
    """Floats as float32, integers as they are."""
    return x.float() if x.is_floating_point() else x


def single_trace(module: nn.Module, inputs: tuple[Tensor, ...]) -> fx.GraphModule:
    """`trace`, of half or double precision in float32: such a graph takes inputs of the precision of `inputs` or of
    float32, and gives float32.

    Raises:
        UserError: as `trace`.
    """
    if all(p.dtype == torch.float32 for p in module.parameters() if p.is_floating_point()):
        return trace(module, inputs)
    graph = trace(copy.deepcopy(module).float(), tuple(single(x) for x in inputs))
    for node, x in zip(graph.graph.find_nodes(op="placeholder"), inputs, strict=True):
        if x.is_floating_point():
            with graph.graph.inserting_after(node):
                cast = graph.graph.call_function(torch.ops.aten.to.dtype, (node, torch.float32))
            node.replace_all_uses_with(cast, delete_user_cb=lambda user, cast=cast: user is not cast)
    graph.recompile()
    return graph
