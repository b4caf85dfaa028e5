"""The one training loop: device, precision, schedule, augmentation, early stop, checkpoint and exact resume; the step
is passed in."""

from __future__ import annotations

from archwright.train._device import resolve_device
from archwright.train._distillation import (
    DISTILLATIONS,
    Distillation,
    Features,
    Logits,
    Relations,
    Seen,
    distillation,
    take,
    watching,
)
from archwright.train._distilled import Distilled
from archwright.train._evaluate import evaluate, predict_logits
from archwright.train._graph_trainer import GraphTrainer
from archwright.train._schedule import SCHEDULES, factor
from archwright.train._step import Backward, Step, classification_loss, supervised
from archwright.train._trainer import Trainer

__all__ = [
    "DISTILLATIONS",
    "SCHEDULES",
    "Backward",
    "Distillation",
    "Distilled",
    "Features",
    "GraphTrainer",
    "Logits",
    "Relations",
    "Seen",
    "Step",
    "Trainer",
    "classification_loss",
    "distillation",
    "evaluate",
    "factor",
    "predict_logits",
    "resolve_device",
    "supervised",
    "take",
    "watching",
]
