"""`TrainingSpeed`: any training judged by its training losses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from archwright.data import Splits
from archwright.errors import UserError
from archwright.estimate._estimator import Estimator
from archwright.estimate._inner import TRAIN, built, closing
from archwright.estimate.curves._speed import SpeedKind, speed
from archwright.registry import Part
from archwright.space import Arch
from archwright.supernet import Supernet
from archwright.trial import Report


class TrainingSpeed(Estimator):
    """Adds the training-speed score to every report of another estimator that has a training loss.

    New metrics: `score` (minus the estimator, higher is better) and the estimator's name with `_` (`tse_ema`: lower is
    better). They are there from the first epoch, so that successive halving can stop on them. Scores compare
    architectures trained by one recipe only: the same batch size, regularisation, schedule and number of epochs. A
    training that diverges gives an infinite value or an error: a failed trial, which loses against all others.

    Args:
        inner: gives one report an epoch, such as `Train` or `FineTuned`.
        kind: estimator (see `curves.speed`).
        last: E of `tse-e` and `sotl-e`, at least 1.
        decay: gamma of `tse-ema`, in [0, 1].
        new: weight of the new loss of `tse-ema-release`, in [0, 1].
        batches: mini-batches an epoch, for `sotl` and `sotl-e`.
        metric: name of the training loss in the reports.

    Raises:
        UserError: unknown kind, a setting out of range; when called: the inner estimator reports no training loss.
    """

    def __init__(
        self,
        inner: Estimator,
        *,
        kind: SpeedKind = "tse-ema",
        last: int = 1,
        decay: float = 0.9,
        new: float = 0.9,
        batches: int = 1,
        metric: str = "train_loss",
    ) -> None:
        self.inner, self.kind, self.last, self.decay = inner, kind, last, decay
        self.new, self.batches, self.metric = new, batches, metric
        self.source, self.objective, self.shared = "training-speed", "score", inner.shared
        self.budget, self.budgets = inner.budget, inner.budgets
        self._value([1.0])  # a wrong setting is told now

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        losses: list[float] = []
        with closing(self.inner(arch, budget=budget, seed=seed)) as reports:
            for report in reports:
                if self.metric not in report.metrics:
                    yield report
                    continue
                losses.append(report.metrics[self.metric])
                value = self._value(losses)
                added = {self.kind.replace("-", "_"): value, "score": -value}
                yield Report(step=report.step, metrics={**report.metrics, **added})
        if not losses:
            raise UserError(f"{self.inner.source!r} reports no {self.metric!r}, which training speed is read from")

    def _value(self, losses: list[float]) -> float:
        return speed(
            losses, self.kind, last=self.last, decay=self.decay, new=self.new, batches=self.batches, metric=self.metric
        )


def training_speed(
    net: Supernet,
    splits: Splits,
    *,
    inner: Annotated[Part, "estimator"] = TRAIN,
    kind: SpeedKind = "tse-ema",
    last: int = 1,
    decay: float = 0.9,
    new: float = 0.9,
) -> TrainingSpeed:
    """Training losses of the first epochs (SoTL, TSE, TSE-E, TSE-EMA) as score.

    Args:
        net: supernet.
        splits: data.
        inner: the training that is read.
        kind, last, decay, new: as for `TrainingSpeed`.
    """
    return TrainingSpeed(built(inner, net, splits), kind=kind, last=last, decay=decay, new=new)
