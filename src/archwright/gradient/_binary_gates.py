"""The gates of ProxylessNAS."""

from __future__ import annotations

import dataclasses
from typing import final

import torch
from torch import Tensor

from archwright.gradient._relaxation import Relaxation, drawn, gumbel
from archwright.supernet import Paths


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class BinaryGates(Relaxation):
    """Two sampled paths, one open and one shut; never all in memory (Cai, Zhu, Han 2019, ProxylessNAS, section 3.2.1).

    Two options are drawn without replacement from softmax(alpha), one of them is opened by their renormalised
    probabilities q, and the gates g pass the gradient to q: dL/dalpha_i = sum_j dL/dg_j q_j (delta_ij - q_i). A step of
    the weights runs one option drawn from softmax(alpha).
    """

    def __call__(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> Tensor | Paths:
        keys = alpha.detach().float().cpu().log_softmax(-1) + gumbel(len(alpha), generator)
        pair = tuple(sorted(keys.topk(min(2, len(alpha))).indices.tolist()))
        q = torch.stack([alpha[i] for i in pair]).softmax(-1)
        gates = torch.zeros_like(q)
        gates[drawn(q, generator)] = 1.0
        return Paths(pair, gates - q.detach() + q)

    def path(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> int:
        return drawn(alpha.softmax(-1), generator)
