"""`Stopper`: whether a trial is worth going on with."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from archwright.errors import UserError
from archwright.estimate.extrapolate._extrapolator import Extrapolator
from archwright.estimate.extrapolate._prediction import Prediction


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """What a `Stopper` says about a trial.

    Args:
        stop: end it now.
        probability: that its value at the horizon is above the incumbent.
        prediction: of that value; its mean is what a stopped trial is worth to an optimiser.
    """

    stop: bool
    probability: float
    prediction: Prediction


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stopper:
    """Predictive termination (Domhan, Springenberg, Hutter 2015, section 3.3).

    Conservative: stop when the best value so far is below the incumbent and P(y_T > incumbent) is below `threshold`.
    Optimistic: also when the standard deviation of the prediction is below `spread`. Never stops when nothing fits.

    Args:
        extrapolator: gives P.
        threshold: in (0, 1).
        optimistic: the second rule, too.
        spread: of the second rule, above 0.
        least: shorter curves are never stopped, at least 1: families of two parameters fit two points exactly.

    Raises:
        UserError: a number out of range.
    """

    extrapolator: Extrapolator
    threshold: float = 0.05
    optimistic: bool = False
    spread: float = 0.005
    least: int = 4

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1 or not self.spread > 0:
            raise UserError(f"threshold must be in (0, 1) and spread above 0, got {self.threshold} and {self.spread}")
        if self.least < 1:
            raise UserError(f"least must be at least 1, got {self.least}")

    def decide(self, curve: ArrayLike, horizon: int, incumbent: float) -> Decision:
        """Judge a curve.

        Args:
            curve: values so far, in [0, 1], shape (n,).
            horizon: epoch at which trials are compared.
            incumbent: best final value of the other trials.
        """
        prediction = self.extrapolator.predict(curve, horizon)
        probability = prediction.probability_above(incumbent)
        behind = float(np.max(curve)) < incumbent and probability < self.threshold
        settled = self.optimistic and prediction.known and prediction.std < self.spread
        enough = np.shape(curve)[-1] >= self.least
        return Decision(enough and (behind or settled), probability, prediction)
