"""Training shown as it goes."""

from __future__ import annotations

import math
from collections.abc import Iterable

from archwright.run._progress import Progress
from archwright.train import Trainer
from archwright.trial import Report


def watched(reports: Iterable[Report], trainer: Trainer, progress: Progress, subject: str) -> list[Report]:
    """Run the training behind `reports` to its end, telling `progress` about every epoch."""
    seen = []
    for report in reports:
        seen.append(report)
        total = None if math.isinf(trainer.planned_epochs) else trainer.planned_epochs
        progress.step(report.step + 1, total, f"{subject}: {_line(report)}")
    return seen


def _line(report: Report) -> str:
    metrics = report.metrics
    parts = [f"epoch {report.step + 1}"]
    if "accuracy" in metrics:
        parts.append(f"valid accuracy {metrics['accuracy']:.2f} %")
    if "train_loss" in metrics:
        parts.append(f"train loss {metrics['train_loss']:.4f}")
    return ", ".join(parts)
