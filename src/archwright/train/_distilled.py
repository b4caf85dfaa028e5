"""A step that learns from labels and from a teacher."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.train._distillation import Distillation, Logits, take, watching
from archwright.train._step import Backward, classification_loss


@final
class Distilled:
    """Cross-entropy against labels, mixed with what a teacher shows (Hinton et al. 2015): (1 - w) labels + w teacher.

    Args:
        teacher: gives logits for what the student gives logits for; runs as it is (in eval mode as a rule), where the
            student is, and does not learn.
        weight: w, in (0, 1].
        distillation: what is learnt from it; None: its soft labels.
        label_smoothing: of the loss against labels, in [0, 1).

    Raises:
        UserError: a weight out of range.
    """

    def __init__(
        self,
        teacher: nn.Module,
        *,
        weight: float = 0.5,
        distillation: Distillation | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        if not 0 < weight <= 1:
            raise UserError(f"weight of the teacher must be in (0, 1], got {weight}")
        self.teacher, self.weight, self.label_smoothing = teacher, weight, label_smoothing
        self.distillation = distillation or Logits()

    def __call__(
        self, module: nn.Module, x: Tensor, y: Tensor, *, backward: Backward, rng: np.random.Generator
    ) -> dict[str, Tensor | float]:
        """Train on one batch."""
        with torch.no_grad(), watching(self.teacher) as seen:
            shown = take(seen, self.teacher(x))
        with watching(module) as seen:
            outputs = module(x)
            student = take(seen, outputs)
        loss = classification_loss(outputs, y, label_smoothing=self.label_smoothing)
        loss = (1 - self.weight) * loss + self.weight * self.distillation(student, shown)
        backward(loss)
        return {"loss": loss.detach()}
