"""`Predictor`: an estimator that has learnt from evaluated architectures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from archwright.errors import UserError
from archwright.estimate._estimator import Estimator
from archwright.estimate.predict._coverage import Coverage
from archwright.estimate.predict._registry import PREDICTORS
from archwright.estimate.predict._regressor import Regressor, member
from archwright.space import Arch, Space
from archwright.statistics import kendall
from archwright.trial import Report, Trial

LEAST = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Learnt:
    """What a `Predictor` has learnt from.

    Args:
        count: different architectures.
        kendall: tau-b between their values and the predictions by models that did not see them, NaN if there is no
            order.
        low, high: smallest and largest value.
        sources: where the values are from, such as `trained`.
    """

    count: int
    kendall: float
    low: float
    high: float
    sources: tuple[str, ...]


class Predictor(Estimator):
    """Predicts a metric from architectures that were evaluated before, and says how far that reaches.

    Reports: the metric and `<metric>_std`; `learnt_from`, the number of architectures; `cv_kendall`, the rank
    correlation among them in cross-validation (0 if undefined); `extrapolated`, 1 where the architecture has a value
    that no example reaches (see `Coverage`), else 0. With `strict` that is refused instead; an architecture of another
    space always is.
    A budget changes nothing.

    Args:
        space: of the architectures.
        model: a `Regressor` of this space, or a name in `PREDICTORS`.
        metric: that is learnt from trials and reported.
        strict: refuse architectures that the examples do not reach.
        folds: of the cross-validation, at least 2.
        seed: of the folds and of a model given by name.

    Raises:
        UserError: unknown model, folds below 2; when called: fewer than eight architectures learnt.
    """

    source = "predictor"

    def __init__(
        self,
        space: Space,
        model: str | Regressor = "random-forest",
        *,
        metric: str = "accuracy",
        strict: bool = False,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        if folds < 2:
            raise UserError(f"folds must be at least 2, got {folds}")
        self.space, self.model, self.metric, self.strict, self.folds, self.seed = (
            space,
            model,
            metric,
            strict,
            folds,
            seed,
        )
        self._regressor: Regressor = PREDICTORS.load(model)(space, seed=seed) if isinstance(model, str) else model
        self._known: dict[Arch, list[float]] = {}
        self._sources: dict[str, None] = {}
        self._fitted: tuple[Learnt, Coverage] | None = None

    def learn(self, archs: Sequence[Arch], values: Iterable[float], *, source: str = "table") -> None:
        """Add examples; values of one architecture are averaged.

        Args:
            archs: members of the space.
            values: finite, one each.
            source: what kind of numbers they are.

        Raises:
            UserError: a value that is not finite, or an architecture of another space.
        """
        pairs = [(member(self.space, arch), float(value)) for arch, value in zip(archs, values, strict=True)]
        wrong = [value for _, value in pairs if not math.isfinite(value)]
        if wrong:
            raise UserError(f"values to learn from must be finite, got {wrong[0]}")
        for arch, value in pairs:
            self._known.setdefault(arch, []).append(value)
        if pairs:
            self._sources[source] = None
            self._fitted = None

    def tell(self, trial: Trial) -> None:
        """Learn from a trial, if it is complete and has the metric."""
        if trial.state == "complete" and math.isfinite(trial.metrics.get(self.metric, math.nan)):
            self.learn([trial.arch], [trial.metrics[self.metric]], source=trial.source)

    def about(self) -> Learnt:
        """What it has learnt from.

        Raises:
            UserError: fewer than eight architectures.
        """
        return self._ready()[0]

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        learnt, coverage = self._ready()
        mean, std = self._regressor.predict([arch])
        outside = coverage.outside(arch)
        if outside and self.strict:
            raise UserError(f"{outside[0]} = {arch.get(outside[0])!r} is outside of the {learnt.count} examples learnt")
        metrics = {
            self.metric: float(mean[0]),
            f"{self.metric}_std": float(std[0]),
            "learnt_from": float(learnt.count),
            "cv_kendall": learnt.kendall if math.isfinite(learnt.kendall) else 0.0,
            "extrapolated": float(bool(outside)),
        }
        yield Report(step=0, metrics=metrics)

    def _ready(self) -> tuple[Learnt, Coverage]:
        if self._fitted is None:
            self._fitted = self._fit()
        return self._fitted

    def _fit(self) -> tuple[Learnt, Coverage]:
        archs = list(self._known)
        values = np.array([np.mean(seen) for seen in self._known.values()])
        if len(archs) < LEAST:
            raise UserError(f"a predictor learns from at least {LEAST} different architectures, got {len(archs)}")
        tau = kendall(cross_predict(self._regressor, archs, values, folds=self.folds, seed=self.seed), values)
        self._regressor.fit(archs, values)
        learnt = Learnt(len(archs), tau, float(values.min()), float(values.max()), tuple(self._sources))
        return learnt, Coverage(self.space, archs)


def cross_predict(
    regressor: Regressor, archs: Sequence[Arch], values: Sequence[float] | np.ndarray, *, folds: int = 5, seed: int = 0
) -> np.ndarray:
    """Predictions for every architecture by a model fitted without its fold, shape (n,). The regressor is refitted."""
    order = np.random.default_rng(seed).permutation(len(archs))
    found, y = np.empty(len(archs)), np.asarray(values, dtype=np.float64)
    for fold in range(min(folds, len(archs) // 2)):
        held = order[fold :: min(folds, len(archs) // 2)]
        rest = np.setdiff1d(order, held)
        regressor.fit([archs[i] for i in rest], y[rest])
        found[held] = regressor.predict([archs[i] for i in held])[0]
    return found
