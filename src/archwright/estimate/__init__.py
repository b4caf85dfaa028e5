"""From an architecture to metrics: training, shared weights, tables, costs."""

from archwright.estimate._estimator import Estimator
from archwright.estimate._network_costs import NetworkCosts
from archwright.estimate._shared_weights import SharedWeights
from archwright.estimate._table import Table
from archwright.estimate._train import Train
from archwright.estimate._with_costs import WithCosts
from archwright.registry import Registry

ESTIMATORS = Registry(
    "estimator",
    {
        "shared-weights": "archwright.estimate:SharedWeights",
        "train": "archwright.estimate:Train",
    },
)


def names() -> list[str]:
    """Names of the registered estimators."""
    return ESTIMATORS.names()


__all__ = ["ESTIMATORS", "Estimator", "NetworkCosts", "SharedWeights", "Table", "Train", "WithCosts", "names"]
