"""From the metrics of a trial to the reward of a policy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, final, get_args

import numpy as np
from numpy.typing import NDArray

from archwright.errors import UserError
from archwright.search._fitness import fitness
from archwright.trial import Objective, Trial

Shape = Literal["value", "cube", "inverse-square"]
_FACTOR = 80.0  # of the inverse square


@final
class Reward:
    """Rewards of trials in the order in which they are told.

    Zoph and Le (2017), sections 3.2 and 4: of an accuracy its cube, which stretches the top end, of the best of the
    last 5 epochs; of a perplexity 80 over its square. A trial that broke a limit gets less than the lowest reward so
    far, by a standard deviation of the rewards times its relative excess, one at most; a failed one, by one.

    Args:
        objective: metric to improve.
        limits: upper limits on metrics.
        shape: `"value"`: the metric itself, its negative where it is minimised; `"cube"`: of a metric in percent,
            (metric / 100)^3; `"inverse-square"`: 80 / metric^2.
        last: the best of the last so many reports of a trial counts; 1: its final metrics.

    Raises:
        UserError: unknown shape, a shape that does not suit the direction, or `last` below 1.
    """

    def __init__(
        self, objective: Objective, limits: Mapping[str, float], *, shape: Shape = "value", last: int = 1
    ) -> None:
        if shape not in get_args(Shape):
            raise UserError(f"reward must be one of {', '.join(get_args(Shape))}, got {shape!r}")
        if shape != "value" and objective.maximise != (shape == "cube"):
            raise UserError(
                f"reward {shape!r} is for a metric to {'maximise' if shape == 'cube' else 'minimise'}, not for "
                f"{objective.metric!r}"
            )
        if last < 1:
            raise UserError(f"last must be at least 1, got {last}")
        self.objective, self.limits, self.shape, self.last = objective, dict(limits), shape, last
        self._rewards: list[float] = []  # NaN where a limit was broken or the trial failed
        self._excess: list[float] = []

    def tell(self, trial: Trial) -> None:
        """Take note of a trial."""
        violation, loss = fitness(trial, (self.objective,), self.limits)
        if violation == 0:
            seen = [r.metrics[self.objective.metric] for r in trial.reports if self.objective.metric in r.metrics]
            losses = [self.objective.loss({self.objective.metric: value}) for value in seen[-self.last :]]
            loss = min([loss, *losses] if self.last > 1 else [loss])
        self._rewards.append(self.of(loss) if violation == 0 else math.nan)
        self._excess.append(min(violation, 1.0))

    def of(self, loss: float) -> float:
        """Reward of a value of the objective as a number to minimise."""
        if self.shape == "cube":
            return (-loss / 100) ** 3
        return _FACTOR / loss**2 if self.shape == "inverse-square" and loss != 0 else -loss

    def between(self, first: int, end: int) -> NDArray[np.float64]:
        """Rewards of the trials from `first` to `end`, excluded; later ones do not matter. Shape (end - first,)."""
        rewards, lacking = np.array(self._rewards[first:end]), np.array(self._excess[first:end])
        known = self._known(end)
        lowest = known.min() if len(known) else 0.0
        return np.where(np.isnan(rewards), lowest - self.deviation(end) * lacking, rewards)

    def deviation(self, end: int) -> float:
        """Standard deviation of the rewards of the trials before `end`; 1 if they are all alike."""
        known = self._known(end)
        return float(known.std()) or 1.0 if len(known) else 1.0

    def _known(self, end: int) -> NDArray[np.float64]:
        rewards = np.array(self._rewards[:end], dtype=np.float64)
        return rewards[~np.isnan(rewards)]
