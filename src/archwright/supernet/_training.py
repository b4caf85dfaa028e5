"""The training step of a supernet: sampled architectures, in-place distillation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.space import Space
from archwright.supernet._samplers import Sampler
from archwright.train import Distillation, Logits, Seen, take, watching


class SupernetStep:
    """One optimiser step over the architectures that a sampler draws, all on the same mini-batch; gradients are summed.

    With distillation the first architecture learns from the labels and every other one from its soft predictions of
    this very step (Yu et al. 2020); without, all learn from the labels (Guo et al. 2020).

    Args:
        space: the space of the supernet.
        sampler: draws the architectures, teacher first.
        distil: whether the others learn from the first.
        label_smoothing: of the loss against labels.
        distillation: what they learn from it.
    """

    def __init__(
        self,
        space: Space,
        sampler: Sampler,
        *,
        distil: bool = True,
        label_smoothing: float = 0.0,
        distillation: Distillation | None = None,
    ) -> None:
        self.space, self.sampler, self.distil, self.label_smoothing = space, sampler, distil, label_smoothing
        self.distillation = distillation or Logits()

    def __call__(
        self, module: nn.Module, x: Tensor, y: Tensor, *, backward: Callable[[Tensor], None], rng: np.random.Generator
    ) -> dict[str, Tensor]:
        first, *others = self.sampler(self.space, rng)
        watched = watching(module) if self.distil and self.distillation.watches else nullcontext(Seen())
        with watched as seen:
            outputs = module(x, first)
            teacher = take(seen, outputs).detach()
            loss = F.cross_entropy(outputs, y, label_smoothing=self.label_smoothing)
            backward(loss)
            for arch in others:
                logits = module(x, arch)
                if self.distil:
                    backward(self.distillation(take(seen, logits), teacher))
                else:
                    backward(F.cross_entropy(logits, y, label_smoothing=self.label_smoothing))
        return {"loss": loss.detach()}
