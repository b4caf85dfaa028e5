"""Batch normalisation folded into the layer before it."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, fx, nn

from archwright.compress._trace import LAYERS, Layer


@dataclasses.dataclass(frozen=True)
class Folded:
    """The scale and shift of a batch normalisation that was folded into a layer: per output channel, the standard
    deviation (up to sign) and the mean of what the layer gives on the training data.

    Args:
        gamma, beta: (channels,).
        eps: of the normalisation.
    """

    gamma: Tensor
    beta: Tensor
    eps: float


def fold(graph: fx.GraphModule) -> dict[str, Folded]:
    """Fold every batch normalisation that alone follows a convolution or linear layer into it, in place.

    W' = W gamma / sqrt(var + eps), b' = beta + (b - mean) gamma / sqrt(var + eps), computed in float64.

    Args:
        graph: from `trace`.

    Returns:
        What was folded, by layer.
    """
    found: dict[str, Folded] = {}
    for node in list(graph.graph.nodes):
        norm = graph.get_submodule(node.target) if node.op == "call_module" else None
        before = node.args[0] if isinstance(norm, nn.BatchNorm2d) else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) != 1:
            continue
        layer = graph.get_submodule(str(before.target))
        if not isinstance(layer, LAYERS) or before.target in found:
            continue
        if isinstance(layer, nn.Linear) and before.meta.get("axes", 2) > 2:  # the norm is of the second axis
            continue
        assert isinstance(norm, nn.BatchNorm2d)
        found[str(before.target)] = _into(layer, norm)
        node.replace_all_uses_with(before)
        graph.graph.erase_node(node)
    graph.delete_all_unused_submodules()
    graph.recompile()
    return found


@torch.no_grad()
def _into(layer: Layer, norm: nn.BatchNorm2d) -> Folded:
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    gamma = torch.ones_like(mean) if norm.weight is None else norm.weight.detach().clone()
    beta = torch.zeros_like(mean) if norm.bias is None else norm.bias.detach().clone()
    factor = gamma.double() / (variance.double() + norm.eps).sqrt()
    weight = layer.weight.double() * factor.reshape(-1, *[1] * (layer.weight.ndim - 1))
    bias = 0.0 if layer.bias is None else layer.bias.double()
    layer.weight = nn.Parameter(weight.to(layer.weight))
    layer.bias = nn.Parameter((beta.double() + (bias - mean.double()) * factor).to(layer.weight))
    return Folded(gamma, beta, norm.eps)
