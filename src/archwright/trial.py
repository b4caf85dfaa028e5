"""Records that pass between estimators, strategies and studies: reports, trials, objectives, limits. Knows no torch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Literal

from archwright.errors import UserError
from archwright.space import Arch

Metrics = Mapping[str, float]
State = Literal["running", "complete", "stopped", "refused", "failed"]

_MAXIMISED = {"accuracy", "score", "auc", "f1", "psnr", "miou"}
_MINIMISED = {
    "loss", "error", "params", "flops", "latency_ms", "predicted_latency_ms", "memory", "size", "energy_mj",
    "perplexity", "seconds",
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One intermediate (or, as the last one an estimator yields, final) value of a trial.

    Args:
        step: position on the estimator's own scale, from 0 (epoch, round); costs alone at 0 mean "before training".
        metrics: named floats known at this step; accuracies in percent.
    """

    step: int
    metrics: Metrics


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One evaluated architecture with everything that is known about how its numbers came about.

    Args:
        number: position in the study, from 0.
        arch: what was evaluated.
        state: `complete`; `stopped` early by the strategy; `refused`: a limit was broken before training; `failed`.
        metrics: final named floats (the last reported value of each).
        reports: every intermediate report in order.
        budget: fidelity asked for by the strategy, on the estimator's scale; None means the estimator's default.
        seed: seed given to the estimator.
        seconds: wall time spent in the estimator.
        source: what kind of number it is: `table`, `zero-cost`, `shared-weights`, `trained`, `function`, ...
        error: traceback of a failed trial, reason of a refused one.
    """

    number: int
    arch: Arch
    state: State = "complete"
    metrics: Metrics = dataclasses.field(default_factory=dict)
    reports: tuple[Report, ...] = ()
    budget: float | None = None
    seed: int = 0
    seconds: float = 0.0
    source: str = ""
    error: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Objective:
    """A metric to improve, and in which direction."""

    metric: str
    maximise: bool

    @classmethod
    def parse(cls, text: str | Objective) -> Objective:
        """`"accuracy"`, `"params"`, `"energy_mj:eyeriss"` (directions known), `"max:my_metric"` or `"min:my_metric"`.

        Raises:
            UserError: direction not known.
        """
        if isinstance(text, Objective):
            return text
        direction, colon, metric = text.partition(":")
        if colon and direction in ("max", "min") and metric:
            return cls(metric, direction == "max")
        name = text.partition(":")[0]  # the rest names a device
        stem = name.rsplit("_", 1)[-1] if name not in _MINIMISED else name
        if stem in _MAXIMISED:
            return cls(text, True)
        if stem in _MINIMISED:
            return cls(text, False)
        raise UserError(f"objective {text!r} has no known direction; write 'max:{text}' or 'min:{text}'")

    def loss(self, metrics: Metrics) -> float:
        """The metric as a number to minimise."""
        value = float(metrics[self.metric])
        return -value if self.maximise else value


def objectives(texts: Sequence[str | Objective]) -> tuple[Objective, ...]:
    """Parse several objectives; refuses none and repeated metrics."""
    parsed = tuple(Objective.parse(t) for t in texts)
    if not parsed or len({o.metric for o in parsed}) < len(parsed):
        raise UserError(f"objectives must be one or more different metrics, got {[str(t) for t in texts]}")
    return parsed


def broken(metrics: Metrics, limits: Metrics) -> dict[str, tuple[float, float]]:
    """The upper limits that `metrics` exceed: `{name: (value, limit)}`. Metrics not known yet are not judged."""
    return {k: (float(metrics[k]), float(v)) for k, v in limits.items() if k in metrics and not metrics[k] <= v}


def excess(metrics: Metrics, limits: Metrics) -> float:
    """Total relative excess over the limits, 0 when all are met (Deb et al. 2002, constraint violation)."""
    return sum((value - limit) / (abs(limit) or 1.0) for value, limit in broken(metrics, limits).values())


def misses(metrics: Metrics, limits: Metrics) -> str:
    """By how much `metrics` exceed the limits: `"params 1,200 > 1,000 (+20 %)"`; empty if they do not."""
    return ", ".join(
        f"{name} {value:,.6g} > {limit:,.6g}" + (f" (+{100 * (value - limit) / abs(limit):.3g} %)" if limit else "")
        for name, (value, limit) in broken(metrics, limits).items()
    )


def comparable(trials: Sequence[Trial]) -> list[Trial]:
    """Those at the largest budget that a complete trial of `trials` has had; all, if none is complete.

    Values of a metric at different budgets say nothing about which architecture is better, so answers and best-so-far
    curves are made of these alone. No budget means the estimator's default, which counts as the largest.
    """
    budgets = [_spent(trial) for trial in trials]
    largest = max((b for b, t in zip(budgets, trials, strict=True) if t.state == "complete"), default=None)
    return [t for b, t in zip(budgets, trials, strict=True) if largest is None or b == largest]


def _spent(trial: Trial) -> float:
    return math.inf if trial.budget is None else trial.budget
