"""From an architecture to metrics: training, shared weights, tables, costs."""

from archwright.estimate._cached_features import CachedFeatures
from archwright.estimate._estimator import Estimator
from archwright.estimate._network_costs import NetworkCosts
from archwright.estimate._proxy import Proxy
from archwright.estimate._rank_agreement import RankAgreement, rank_agreement
from archwright.estimate._shared_graph_weights import SharedGraphWeights
from archwright.estimate._shared_weights import SharedWeights
from archwright.estimate._table import Table
from archwright.estimate._train import Train
from archwright.estimate._train_graph import TrainGraph
from archwright.estimate._with_costs import WithCosts
from archwright.estimate._zero_cost import WORST, ZeroCost
from archwright.estimate.curves import FineTuned, TrainingSpeed
from archwright.estimate.extrapolate import Extrapolated
from archwright.estimate.predict import PREDICTORS, Predictor, Taught
from archwright.estimate.zerocost import SCORES, Score, score, vote
from archwright.registry import Registry

ESTIMATORS = Registry(
    "estimator",
    {
        "cached-features": "archwright.estimate:CachedFeatures",
        "epe-nas": "archwright.estimate._zero_cost_named:epe_nas",
        "extrapolated": "archwright.estimate.extrapolate:extrapolated",
        "fine-tuned": "archwright.estimate.curves:FineTuned",
        "fisher": "archwright.estimate._zero_cost_named:fisher",
        "flops": "archwright.estimate._zero_cost_named:flops",
        "grad-norm": "archwright.estimate._zero_cost_named:grad_norm",
        "grasp": "archwright.estimate._zero_cost_named:grasp",
        "jacov": "archwright.estimate._zero_cost_named:jacov",
        "knas": "archwright.estimate._zero_cost_named:knas",
        "l2-norm": "archwright.estimate._zero_cost_named:l2_norm",
        "naswot": "archwright.estimate._zero_cost_named:naswot",
        "params": "archwright.estimate._zero_cost_named:params",
        "plain": "archwright.estimate._zero_cost_named:plain",
        "predictor": "archwright.estimate.predict:predictor",
        "proxy": "archwright.estimate._proxy:proxy",
        "shared-weights": "archwright.estimate:SharedWeights",
        "snip": "archwright.estimate._zero_cost_named:snip",
        "synflow": "archwright.estimate._zero_cost_named:synflow",
        "synflow-bn": "archwright.estimate._zero_cost_named:synflow_bn",
        "train": "archwright.estimate:Train",
        "training-speed": "archwright.estimate.curves:training_speed",
        "zen": "archwright.estimate._zero_cost_named:zen",
        "zero-cost": "archwright.estimate:ZeroCost",
    },
)


def names() -> list[str]:
    """Names of the registered estimators."""
    return ESTIMATORS.names()


__all__ = [
    "ESTIMATORS",
    "PREDICTORS",
    "SCORES",
    "WORST",
    "CachedFeatures",
    "Estimator",
    "Extrapolated",
    "FineTuned",
    "NetworkCosts",
    "Predictor",
    "Proxy",
    "RankAgreement",
    "Score",
    "SharedGraphWeights",
    "SharedWeights",
    "Table",
    "Taught",
    "Train",
    "TrainGraph",
    "TrainingSpeed",
    "WithCosts",
    "ZeroCost",
    "names",
    "rank_agreement",
    "score",
    "vote",
]
