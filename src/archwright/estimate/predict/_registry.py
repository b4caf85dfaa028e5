"""Names of the regressors."""

from archwright.registry import Registry

PREDICTORS = Registry(
    "predictor",
    {
        "gradient-boosting": "archwright.estimate.predict:GradientBoosting",
        "graph": "archwright.estimate.predict:GraphNetwork",
        "mlp": "archwright.estimate.predict:MLP",
        "random-forest": "archwright.estimate.predict:RandomForest",
        "ridge": "archwright.estimate.predict:Ridge",
    },
)
