"""A layer that computes as if its input and weights were integers."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, fx, nn

from archwright.compress._trace import LAYERS, Layer


@final
class Quantised(nn.Module):
    """A convolution or linear layer with a quantiser at its input and one for its weights.

    The quantiser of the input stands at this consumer, so inputs that come from a sum or a pooled tensor are quantised
    like any other. Weights that are exactly zero when this is made stay zero.

    Args:
        layer: its weights are this module's, not copied.
        weights: quantiser of the weights, or None.
        inputs: quantiser of the input, or None.
    """

    mask: Tensor | None

    def __init__(self, layer: Layer, weights: nn.Module | None, inputs: nn.Module | None) -> None:
        super().__init__()
        self.layer, self.weights, self.inputs = layer, weights, inputs
        zeros = layer.weight == 0
        self.register_buffer("mask", (~zeros).to(layer.weight) if bool(zeros.any()) else None)

    @property
    def weight(self) -> Tensor:
        """The weights that are computed with."""
        weight = self.layer.weight if self.mask is None else self.layer.weight * self.mask
        return weight if self.weights is None else self.weights(weight)

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.inputs is None else self.inputs(x)
        return applied(self.layer, x, self.weight, self.layer.bias)

    def window(self, x: Tensor) -> Tensor:
        """As `forward` of a convolution, for a part of an input that is padded already."""
        assert not isinstance(self.layer, nn.Linear)
        x = x if self.inputs is None else self.inputs(x)
        return unpadded(self.layer, x, self.weight, self.layer.bias)


def applied(layer: Layer, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`layer` with other weights."""
    if isinstance(layer, nn.Linear):
        return nn.functional.linear(x, weight, bias)
    return layer._conv_forward(x, weight, bias)


def unpadded(layer: nn.Conv1d | nn.Conv2d | nn.Conv3d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A convolution with other weights, of an input that is padded already."""
    convolve = {1: nn.functional.conv1d, 2: nn.functional.conv2d, 3: nn.functional.conv3d}
    return convolve[layer.weight.ndim - 2](x, weight, bias, layer.stride, 0, layer.dilation, layer.groups)


def quantised_layers(graph: nn.Module) -> dict[str, Quantised]:
    """By name, in the order they run."""
    if not isinstance(graph, fx.GraphModule):
        return {name: m for name, m in graph.named_modules() if isinstance(m, Quantised)}
    called = [str(n.target) for n in graph.graph.nodes if n.op == "call_module"]
    return {n: m for n in called if isinstance(m := graph.get_submodule(n), Quantised)}


def replace(graph: fx.GraphModule, name: str, module: nn.Module) -> None:
    """Put `module` where `name` is."""
    parent, _, last = name.rpartition(".")
    setattr(graph.get_submodule(parent), last, module)


def follows_relu(graph: fx.GraphModule, name: str) -> bool:
    """Whether the output of a layer goes through a ReLU and nowhere else."""
    node = next(n for n in graph.graph.nodes if n.op == "call_module" and n.target == name)
    users = list(node.users)
    return len(users) == 1 and users[0].target is torch.ops.aten.relu.default


__all__ = ["LAYERS", "Quantised", "applied", "follows_relu", "quantised_layers", "replace", "unpadded"]
