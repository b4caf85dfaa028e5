"""Predictive termination around any strategy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, final, get_args

from archwright.errors import UserError, nearest
from archwright.search.fidelity._base import RANDOM, Base
from archwright.search.fidelity._stopping import Stopping
from archwright.space import Space
from archwright.trial import Objective, Report, Trial

Method = Literal["prior-fitted", "ensemble", "least-squares", "last-value"]


@final
class LearningCurveStopping(Stopping):
    """Ends trials that will hardly become better than the best one so far, by extrapolating curves.

    Domhan, Springenberg, Hutter, IJCAI 2015, section 3.3 (`estimate.extrapolate.Stopper`): stop when the best value so
    far is below that of the best complete trial of the same budget and P(final value above it) < `threshold`. What the
    strategy inside is told of a stopped trial is the predicted value. A stopped trial is never the answer. Curves are
    assumed to be of one learning-rate schedule; read `estimate.extrapolate` before trusting them.

    Args:
        space: where to search.
        base: strategy that proposes.
        method: `"prior-fitted"` (LC-PFN, milliseconds), `"ensemble"` of parametric families by Markov chains (seconds
            a decision), `"least-squares"`, `"last-value"`.
        threshold: of the probability, in (0, 1).
        optimistic: stop also when the prediction is certain to `spread`, whatever it is.
        spread: of the optimistic rule, on the scale from worst (0) to best (1), above 0.
        least: shorter curves are never stopped, at least 1.
        every: reports between two decisions, at least 1.
        low, high: worst and best value of the metric; None: 0 and 100 for what is maximised (percent), the first value
            of the curve and 0 for what is minimised.
        max_budget: epochs of a trial without a budget; a run takes what its estimator spends by default.
        objectives: metrics to improve; the first one is watched.
        limits: upper limits on metrics.
        seed: non-negative integer.

    Raises:
        UserError: unknown method, a number out of range.
    """

    def __init__(
        self,
        space: Space,
        *,
        base: Annotated[Base, "strategy"] = RANDOM,
        method: Method = "prior-fitted",
        threshold: float = 0.05,
        optimistic: bool = False,
        spread: float = 0.005,
        least: int = 4,
        every: int = 1,
        low: float | None = None,
        high: float | None = None,
        max_budget: float = 81.0,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        from archwright.estimate import extrapolate  # imports torch

        super().__init__(space, max_budget=max_budget, base=base, objectives=objectives, limits=limits, seed=seed)
        if method not in get_args(Method):
            raise UserError(f"unknown method {method!r}{nearest(str(method), get_args(Method))}")
        if every < 1 or (low is not None and low == high):
            raise UserError(f"every must be at least 1 and low not high, got {every}, {low}, {high}")
        methods = {
            "prior-fitted": extrapolate.PriorFitted,
            "ensemble": extrapolate.CurveEnsemble,
            "least-squares": extrapolate.LeastSquares,
            "last-value": extrapolate.LastValue,
        }
        self.method, self.every, self.low, self.high = method, every, low, high
        self.stopper = extrapolate.Stopper(
            extrapolator=methods[method](), threshold=threshold, optimistic=optimistic, spread=spread, least=least
        )

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        own = {name: getattr(self, name) for name in ("method", "every", "low", "high", "max_budget")}
        rule = {name: getattr(self.stopper, name) for name in ("threshold", "optimistic", "spread", "least")}
        return {**own, **rule, **super().settings}

    def _stops(self, trial: Trial, report: Report) -> bool:
        reports = [*trial.reports, report]
        curve = self._values(reports)
        rivals = [values[-1] for other in self._others(trial, "complete") if (values := self._values([_last(other)]))]
        if not rivals or len(curve) < self.stopper.least or (len(curve) - self.stopper.least) % self.every:
            return False
        horizon = self._horizon(trial, reports, len(curve))
        if horizon <= len(curve):
            return False
        worst, best = self._ends(curve)
        scaled = [(value - worst) / (best - worst) for value in curve]
        return self.stopper.decide(scaled, horizon, (max(rivals) - worst) / (best - worst)).stop

    def _horizon(self, trial: Trial, reports: Sequence[Report], seen: int) -> int:
        """Values that the curve will have at the end: there may be several epochs between two reports."""
        epochs = self.max_budget if trial.budget is None else trial.budget
        return round(epochs * seen / max(reports[-1].step, 1))

    def _ends(self, curve: Sequence[float]) -> tuple[float, float]:
        """Worst and best value, as numbers to maximise."""
        sign = 1.0 if self.objectives[0].maximise else -1.0
        low = (0.0 if sign > 0 else -curve[0]) if self.low is None else self.low
        high = (100.0 if sign > 0 else 0.0) if self.high is None else self.high
        if low == high:  # a loss that begins at 0
            high = low + sign
        return sign * low, sign * high

    def _shown(self, trial: Trial) -> Trial:
        """With the predicted value in place of the last one."""
        curve = self._values(trial.reports)
        if not curve:
            return trial
        horizon = self._horizon(trial, trial.reports, len(curve))
        worst, best = self._ends(curve)
        scaled = [(value - worst) / (best - worst) for value in curve]
        prediction = self.stopper.extrapolator.predict(scaled, max(horizon, len(curve)))
        if not prediction.known or not 0 <= prediction.mean <= 1:
            return trial
        value = worst + prediction.mean * (best - worst)
        objective = self.objectives[0]
        metrics = {**trial.metrics, objective.metric: value if objective.maximise else -value}
        return dataclasses.replace(trial, metrics=metrics)


def _last(trial: Trial) -> Report:
    """The final metrics as a report."""
    return Report(step=0, metrics=trial.metrics)
