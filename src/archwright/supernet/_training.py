"""The training step of a supernet: sampled architectures, in-place distillation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.space import Space
from archwright.supernet._samplers import Sampler


def distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Cross-entropy of the student against the teacher's distribution, `-sum_k p_k log q_k`, mean over the batch.

    Args:
        student: logits (N, K).
        teacher: logits (N, K); no gradient reaches them (Yu et al. 2020, BigNAS, in-place distillation; temperature 1).
    """
    return F.cross_entropy(student, teacher.detach().softmax(-1))


class SupernetStep:
    """One optimiser step over the architectures that a sampler draws, all on the same mini-batch; gradients are summed.

    With distillation the first architecture learns from the labels and every other one from its soft predictions of
    this very step (Yu et al. 2020); without, all learn from the labels (Guo et al. 2020).

    Args:
        space: the space of the supernet.
        sampler: draws the architectures, teacher first.
        distil: whether the others learn from the first.
        label_smoothing: of the loss against labels.
    """

    def __init__(self, space: Space, sampler: Sampler, *, distil: bool = True, label_smoothing: float = 0.0) -> None:
        self.space, self.sampler, self.distil, self.label_smoothing = space, sampler, distil, label_smoothing

    def __call__(
        self, module: nn.Module, x: Tensor, y: Tensor, *, backward: Callable[[Tensor], None], rng: np.random.Generator
    ) -> dict[str, Tensor]:
        first, *others = self.sampler(self.space, rng)
        teacher = module(x, first)
        loss = F.cross_entropy(teacher, y, label_smoothing=self.label_smoothing)
        backward(loss)
        for arch in others:
            logits = module(x, arch)
            if self.distil:
                backward(distillation(logits, teacher))
            else:
                backward(F.cross_entropy(logits, y, label_smoothing=self.label_smoothing))
        return {"loss": loss.detach()}
