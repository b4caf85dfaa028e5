"""Weights and their gradients: what the pruning-at-initialisation scores start from."""

from __future__ import annotations

from torch import Tensor, nn

from archwright.errors import UserError
from archwright.estimate.zerocost._probe import Probe, gradients, weights
from archwright.estimate.zerocost._score import loss


def saliency(
    module: nn.Module, x: Tensor, y: Tensor | None, *, twice: bool = False
) -> tuple[list[Tensor], list[Tensor]]:
    """Weights of convolutions and linear layers, and the gradients of the mean cross-entropy, in train mode.

    Args:
        module: network.
        x: (N, ...) batch.
        y: int64 (N,) labels.
        twice: keep the graph, for second derivatives.

    Raises:
        UserError: no convolution and no linear layer, or labels that do not fit.
    """
    names = list(counted(module))
    probe = Probe(module, learn=names)
    theta = [probe.parameters[name] for name in names]
    return theta, gradients(loss(probe(x), y), theta, create_graph=twice)


def counted(module: nn.Module) -> dict[str, nn.Module]:
    """The layers whose weights count, by the names of their weights.

    Raises:
        UserError: there are none.
    """
    layers = weights(module)
    if not layers:
        raise UserError("the network has no convolution and no linear layer whose weights could be scored")
    return layers
