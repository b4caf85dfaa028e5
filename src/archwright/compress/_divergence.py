"""How far the answers of two networks are apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_leaves


def answers(output: Any) -> list[Tensor]:
    """The logits in whatever a network gives: one tensor, or one for each head."""
    found = [x for x in tree_leaves(output) if isinstance(x, Tensor) and x.is_floating_point()]
    return [x.float() for x in found]


def divergence(found: Sequence[Tensor], wanted: Sequence[Tensor], *, per_class: bool = False) -> Tensor:
    """Kullback-Leibler divergence of the softmax of `wanted` from that of `found` over the last axis, summed over the
    heads.

    Args:
        found, wanted: logits of every head.
        per_class: whether it is averaged over samples and classes, not over samples alone.
    """
    total = torch.zeros(())
    for one, other in zip(found, wanted, strict=True):
        apart = F.kl_div(F.log_softmax(one, -1), F.log_softmax(other, -1), reduction="none", log_target=True)
        total = total.to(apart) + (apart.mean() if per_class else apart.sum() / len(apart))
    return total
