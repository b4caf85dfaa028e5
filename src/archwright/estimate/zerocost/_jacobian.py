"""How a network's output depends on each image of a batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.estimate.zerocost._probe import Probe, gradients
from archwright.estimate.zerocost._score import output


def jacobians(module: nn.Module, x: Tensor) -> Tensor:
    """Gradient of the summed outputs with respect to each sample, float64 (N, inputs); train mode, one backward.

    Raises:
        UserError: fewer than two samples.
    """
    if len(x) < 2:
        raise UserError("a correlation of images needs a batch of at least 2")
    leaf = x.detach().clone().requires_grad_()
    return gradients(output(Probe(module)(leaf)).sum(), [leaf])[0].flatten(1).double()


def correlation(rows: Tensor) -> Tensor:
    """Pearson correlation of the rows (N, D) -> (N, N); NaN where a row is constant."""
    centred = rows - rows.mean(1, keepdim=True)
    covariance = centred @ centred.T
    scale = covariance.diagonal().sqrt()
    return torch.clamp(covariance / scale[:, None] / scale[None], -1, 1)
