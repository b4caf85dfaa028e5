"""Learning-curve extrapolation: parametric families, their ensemble, feature regression and the baselines."""

from archwright.estimate.extrapolate._ensemble import CurveEnsemble, recency_weights
from archwright.estimate.extrapolate._extrapolated import Extrapolated, extrapolated
from archwright.estimate.extrapolate._extrapolator import BestSoFar, Extrapolator, LastValue, onset
from archwright.estimate.extrapolate._families import FAMILIES, Family, family
from archwright.estimate.extrapolate._fit import Fit, fit
from archwright.estimate.extrapolate._least_squares import LeastSquares
from archwright.estimate.extrapolate._prediction import Prediction
from archwright.estimate.extrapolate._prior import prior_curves
from archwright.estimate.extrapolate._sampler import stretch
from archwright.estimate.extrapolate._stopper import Decision, Stopper
from archwright.estimate.extrapolate._svr import LcSVR, features

__all__ = [
    "FAMILIES",
    "BestSoFar",
    "CurveEnsemble",
    "Decision",
    "Extrapolated",
    "Extrapolator",
    "Family",
    "Fit",
    "LastValue",
    "LcSVR",
    "LeastSquares",
    "Prediction",
    "Stopper",
    "extrapolated",
    "family",
    "features",
    "fit",
    "onset",
    "prior_curves",
    "recency_weights",
    "stretch",
]
