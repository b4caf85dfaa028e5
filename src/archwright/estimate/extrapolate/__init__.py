"""Learning-curve extrapolation: parametric families, their ensemble, a prior-fitted network, feature regression and the
baselines."""

from archwright.estimate.extrapolate._binned import BinnedPrediction
from archwright.estimate.extrapolate._bins import Bins
from archwright.estimate.extrapolate._curve_transformer import CurveTransformer
from archwright.estimate.extrapolate._ensemble import CurveEnsemble, recency_weights
from archwright.estimate.extrapolate._extrapolated import Extrapolated, extrapolated
from archwright.estimate.extrapolate._extrapolator import BestSoFar, Extrapolator, LastValue, onset
from archwright.estimate.extrapolate._families import FAMILIES, Family, family
from archwright.estimate.extrapolate._fit import Fit, fit
from archwright.estimate.extrapolate._least_squares import LeastSquares
from archwright.estimate.extrapolate._median_rule import MedianRule
from archwright.estimate.extrapolate._prediction import Prediction
from archwright.estimate.extrapolate._prior import prior_curves
from archwright.estimate.extrapolate._prior_fitted import PriorFitted
from archwright.estimate.extrapolate._sampler import stretch
from archwright.estimate.extrapolate._stopper import Decision, Stopper
from archwright.estimate.extrapolate._svr import LcSVR, features

__all__ = [
    "FAMILIES",
    "BestSoFar",
    "BinnedPrediction",
    "Bins",
    "CurveEnsemble",
    "CurveTransformer",
    "Decision",
    "Extrapolated",
    "Extrapolator",
    "Family",
    "Fit",
    "LastValue",
    "LcSVR",
    "LeastSquares",
    "MedianRule",
    "Prediction",
    "PriorFitted",
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
