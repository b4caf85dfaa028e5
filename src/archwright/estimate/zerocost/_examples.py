"""Gradients of every example alone, vectorised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from archwright.errors import UserError
from archwright.estimate.zerocost._probe import Probe, Replacing, norms
from archwright.estimate.zerocost._score import loss


def example_gradients(module: nn.Module, names: Sequence[str], x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Gradients of the cross-entropy of each example with respect to some parameters, by `torch.func`.

    Args:
        module: network; in train mode, with `alone` active if it has batch normalisation.
        names: parameters.
        x: (N, ...).
        y: int64 (N,).

    Returns:
        name to (N, *shape of the parameter).

    Raises:
        UserError: batch normalisation of one value, or labels that do not fit.
    """
    probe = Probe(module)
    for part in norms(module).values():
        part.eval()  # their counters of batches cannot be written to
    chosen = {name: probe.parameters.pop(name) for name in names}
    fixed = {**probe.parameters, **probe.buffers}

    def one(theta: dict[str, Tensor], x_i: Tensor, y_i: Tensor) -> Tensor:
        logits = functional_call(module, {**fixed, **theta}, (x_i[None],))
        return F.cross_entropy(logits, y_i[None])

    try:
        found: dict[str, Tensor] = vmap(grad(one), in_dims=(None, 0, 0), randomness="different")(chosen, x, y)
    except ValueError as error:  # torch refuses to normalise one value
        raise UserError(f"one example alone cannot be normalised: {error}") from None
    return found


def with_gradient(module: nn.Module, names: Sequence[str], x: Tensor, y: Tensor) -> list[str]:
    """Those of `names` that the loss of the first example depends on, in their order."""
    probe = Probe(module, learn=names)
    try:
        with alone():
            found = loss(probe(x[:1]), y[:1])
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"one example alone cannot be normalised: {error}") from None
    wanted = [probe.parameters[name] for name in names]
    traced = torch.autograd.grad(found, wanted, allow_unused=True) if wanted and found.requires_grad else ()
    return [name for name, g in zip(names, traced) if g is not None]


def alone() -> Replacing:
    """A mode in which batch normalisation takes the statistics of what it is given and keeps none, as under `vmap`."""
    return Replacing({F.batch_norm: _alone})


def _alone(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    return F.batch_norm(x, None, None, weight, bias, True, momentum, eps)
