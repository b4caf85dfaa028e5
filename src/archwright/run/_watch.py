"""Training shown as it goes."""

from __future__ import annotations

import math
from collections.abc import Iterable

from archwright.run._progress import Progress
from archwright.trial import Report


class Watch:
    """Tells `progress` about every update and every epoch of a training.

    Args:
        progress: listener.
        subject: what is trained.

    Attributes:
        planned: epochs, as the last update told; `math.inf` before.
    """

    def __init__(self, progress: Progress, subject: str) -> None:
        self._progress, self._subject = progress, subject
        self._text, self.planned = subject, math.inf

    def update(self, done: float, planned: float) -> None:
        """Of `planned` epochs `done` are done."""
        self.planned = planned
        self._progress.step(round(done, 2), None if math.isinf(planned) else round(planned, 2), self._text)

    def all(self, reports: Iterable[Report]) -> list[Report]:
        """Run the training behind `reports`, which calls `update`, to its end."""
        seen = []
        for report in reports:
            seen.append(report)
            self._text = f"{self._subject}: {_line(report)}"
            self.update(min(report.step + 1.0, self.planned), self.planned)
        return seen


def _line(report: Report) -> str:
    metrics = report.metrics
    parts = [f"epoch {report.step + 1}"]
    if "accuracy" in metrics:
        parts.append(f"valid accuracy {metrics['accuracy']:.2f} %")
    if "train_loss" in metrics:
        parts.append(f"train loss {metrics['train_loss']:.4f}")
    return ", ".join(parts)
