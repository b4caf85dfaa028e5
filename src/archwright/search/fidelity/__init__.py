"""Strategies that choose how much is spent on each architecture, and those that end trials early.

The former propose architectures with budgets; the latter are wrapped around any strategy.
"""

from archwright.search.fidelity._asynchronous_halving import AsynchronousHalving
from archwright.search.fidelity._bohb import BOHB
from archwright.search.fidelity._hyperband import Hyperband
from archwright.search.fidelity._kernel_density import KernelDensity
from archwright.search.fidelity._learning_curve_stopping import LearningCurveStopping
from archwright.search.fidelity._median_stopping import MedianStopping
from archwright.search.fidelity._successive_halving import SuccessiveHalving

__all__ = [
    "BOHB",
    "AsynchronousHalving",
    "Hyperband",
    "KernelDensity",
    "LearningCurveStopping",
    "MedianStopping",
    "SuccessiveHalving",
]
