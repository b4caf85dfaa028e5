"""`Extrapolated`: the final value of a training, foretold from its first epochs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, get_args

from archwright.data import Splits
from archwright.errors import UserError, nearest
from archwright.estimate._estimator import Estimator
from archwright.estimate._inner import built, closing
from archwright.estimate.extrapolate._ensemble import CurveEnsemble
from archwright.estimate.extrapolate._extrapolator import BestSoFar, Extrapolator, LastValue
from archwright.estimate.extrapolate._least_squares import LeastSquares
from archwright.estimate.extrapolate._prior_fitted import PriorFitted
from archwright.registry import Part
from archwright.space import Arch
from archwright.supernet import Supernet
from archwright.train import Trainer
from archwright.trial import Report

CONSTANT = Part("estimator", "train", {"trainer": Trainer(epochs=20, schedule="constant")})
Method = Literal["least-squares", "ensemble", "prior-fitted", "last-value", "best-so-far"]
_METHODS: dict[str, type[Extrapolator]] = {
    "least-squares": LeastSquares,
    "ensemble": CurveEnsemble,
    "prior-fitted": PriorFitted,
    "last-value": LastValue,
    "best-so-far": BestSoFar,
}


class Extrapolated(Estimator):
    """Adds the expected value at a later epoch to the reports of another estimator.

    New metrics, in the units of the metric that is read: `extrapolated_<metric>`, and where the curve can be fitted
    `extrapolated_<metric>_std`. Families assume one regime: the part that is seen and the horizon should be on the same
    learning-rate schedule (a budget below the trainer's epochs squeezes a cosine into it; read such curves with a
    constant rate).

    Args:
        inner: gives one report an epoch, such as `Train`.
        horizon: epoch that is foretold, at least 1.
        method: a name, or an `Extrapolator`.
        metric: that is read and foretold.
        low, high: worst and best value of the metric, which become 0 and 1 (0 and 100 for percent; for a loss the
            worst one and 0).
        every: epochs between two extrapolations; one more report follows if the last epoch had none.

    Raises:
        UserError: unknown method, a number out of range; when called: the inner estimator does not report the metric.
    """

    def __init__(
        self,
        inner: Estimator,
        horizon: int,
        method: Method | Extrapolator = "least-squares",
        *,
        metric: str = "accuracy",
        low: float = 0.0,
        high: float = 100.0,
        every: int = 1,
    ) -> None:
        if horizon < 1 or every < 1 or low == high:
            raise UserError(f"horizon and every must be at least 1, low not high: {horizon}, {every}, {low}, {high}")
        if not isinstance(method, Extrapolator) and method not in _METHODS:
            raise UserError(f"unknown extrapolation {method!r}{nearest(str(method), get_args(Method))}")
        self.inner, self.horizon, self.method, self.metric = inner, horizon, method, metric
        self.low, self.high, self.every = low, high, every
        self.source, self.shared = "extrapolated", inner.shared
        self.budget, self.budgets = inner.budget, inner.budgets
        self._extrapolator = method if isinstance(method, Extrapolator) else _METHODS[method]()

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        curve: list[float] = []
        last, told = 0, 0
        with closing(self.inner(arch, budget=budget, seed=seed)) as reports:
            for report in reports:
                last = report.step
                added: dict[str, float] = {}
                if self.metric in report.metrics:
                    curve.append((report.metrics[self.metric] - self.low) / (self.high - self.low))
                    if len(curve) % self.every == 0:
                        added, told = self._foretold(curve), len(curve)
                yield Report(step=report.step, metrics={**report.metrics, **added})
        if not curve:
            raise UserError(f"{self.inner.source!r} reports no {self.metric!r}, which is to be extrapolated")
        if told < len(curve):
            yield Report(step=last, metrics=self._foretold(curve))

    def _foretold(self, curve: list[float]) -> dict[str, float]:
        found = self._extrapolator.predict(curve, self.horizon)
        name, scale = f"extrapolated_{self.metric}", self.high - self.low
        metrics = {name: self.low + scale * found.mean}
        return metrics | ({f"{name}_std": abs(scale) * found.std} if found.known else {})


def extrapolated(
    net: Supernet,
    splits: Splits,
    *,
    inner: Annotated[Part, "estimator"] = CONSTANT,
    horizon: int = 100,
    method: Method = "least-squares",
    every: int = 1,
) -> Extrapolated:
    """Accuracy at a later epoch, foretold from the learning curve of the first.

    Args:
        net: supernet.
        splits: data.
        inner: the training that is read; the default has 20 epochs at a constant learning rate.
        horizon, method, every: as for `Extrapolated`.
    """
    return Extrapolated(built(inner, net, splits), horizon, method, every=every)
