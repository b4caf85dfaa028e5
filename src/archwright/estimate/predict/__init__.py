"""Predictors: a metric learnt from architectures that were evaluated."""

from archwright.estimate.predict._coverage import Coverage
from archwright.estimate.predict._graph import GraphNetwork
from archwright.estimate.predict._networks import MLP, Ensemble
from archwright.estimate.predict._predictor import Learnt, Predictor, cross_predict
from archwright.estimate.predict._registry import PREDICTORS
from archwright.estimate.predict._regressor import Regressor
from archwright.estimate.predict._sklearn import GradientBoosting, RandomForest, Ridge
from archwright.estimate.predict._taught import Taught, predictor

__all__ = [
    "MLP",
    "PREDICTORS",
    "Coverage",
    "Ensemble",
    "GradientBoosting",
    "GraphNetwork",
    "Learnt",
    "Predictor",
    "RandomForest",
    "Regressor",
    "Ridge",
    "Taught",
    "cross_predict",
    "predictor",
]
