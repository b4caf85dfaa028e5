"""From an architecture to metrics: training, shared weights, tables, costs."""

from archwright.estimate._estimator import Estimator
from archwright.estimate._network_costs import NetworkCosts
from archwright.estimate._shared_weights import SharedWeights
from archwright.estimate._table import Table
from archwright.estimate._train import Train
from archwright.estimate._with_costs import WithCosts
from archwright.estimate.curves import FineTuned, TrainingSpeed
from archwright.registry import Registry

ESTIMATORS = Registry(
    "estimator",
    {
        "fine-tuned": "archwright.estimate.curves:FineTuned",
        "shared-weights": "archwright.estimate:SharedWeights",
        "train": "archwright.estimate:Train",
        "training-speed": "archwright.estimate.curves:training_speed",
    },
)


def names() -> list[str]:
    """Names of the registered estimators."""
    return ESTIMATORS.names()


__all__ = [
    "ESTIMATORS",
    "Estimator",
    "FineTuned",
    "NetworkCosts",
    "SharedWeights",
    "Table",
    "Train",
    "TrainingSpeed",
    "WithCosts",
    "names",
]
