"""Regressors of scikit-learn on encodings."""

from __future__ import annotations

from typing import Any

import numpy as np

from archwright.estimate.predict._regressor import Array, Regressor
from archwright.space import Arch, Space


class Ridge(Regressor):
    """Linear in the one-hot encoding, with the posterior of Bayesian ridge regression (MacKay 1992)."""

    def _fit(self, archs: list[Arch], y: Array) -> None:
        from sklearn.linear_model import BayesianRidge

        self._model: Any = BayesianRidge().fit(self._encoded(archs), y)

    def _predict(self, archs: list[Arch]) -> tuple[Array, Array]:
        mean, std = self._model.predict(self._encoded(archs), return_std=True)
        return mean, std


class RandomForest(Regressor):
    """Random forest on encodings (Breiman 2001); the standard deviation is that between the trees.

    Args:
        space: of the architectures.
        trees: at least 2.
        seed: of the forest.
    """

    def __init__(self, space: Space, *, trees: int = 200, seed: int = 0) -> None:
        super().__init__(space, seed=seed)
        self.trees = trees

    def _fit(self, archs: list[Arch], y: Array) -> None:
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(self.trees, max_features=0.5, random_state=self.seed)
        self._model: Any = forest.fit(self._encoded(archs, "mixed"), y)

    def _predict(self, archs: list[Arch]) -> tuple[Array, Array]:
        x = self._encoded(archs, "mixed")
        values = np.stack([tree.predict(x) for tree in self._model.estimators_])
        return values.mean(0), values.std(0)


class GradientBoosting(Regressor):
    """Boosted trees on encodings (Friedman 2001); the standard deviation is half the distance between the quantiles
    0.16 and 0.84, which two more models learn.

    Args:
        space: of the architectures.
        trees: boosting steps.
        depth: of a tree.
        rate: shrinkage, in (0, 1].
        seed: of the subsampling.
    """

    def __init__(self, space: Space, *, trees: int = 200, depth: int = 3, rate: float = 0.05, seed: int = 0) -> None:
        super().__init__(space, seed=seed)
        self.trees, self.depth, self.rate = trees, depth, rate

    def _fit(self, archs: list[Arch], y: Array) -> None:
        x = self._encoded(archs, "mixed")
        self._models = [self._model(q).fit(x, y) for q in (None, 0.16, 0.84)]

    def _predict(self, archs: list[Arch]) -> tuple[Array, Array]:
        x = self._encoded(archs, "mixed")
        mean, low, high = (model.predict(x) for model in self._models)
        return mean, np.maximum(high - low, 0) / 2

    def _model(self, quantile: float | None) -> Any:
        from sklearn.ensemble import GradientBoostingRegressor

        loss = {"loss": "squared_error"} if quantile is None else {"loss": "quantile", "alpha": quantile}
        return GradientBoostingRegressor(
            n_estimators=self.trees,
            max_depth=self.depth,
            learning_rate=self.rate,
            subsample=0.8,
            random_state=self.seed,
            **loss,
        )
