"""Gradient boosting on digits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from archwright.bench.problems._digits import error
from archwright.bench.problems._problem import Problem
from archwright.space import Choice, Ordinal, Real, Space

_LEAVES = 31
_ROUNDS = 20


@final
class GradientBoostingDigits(Problem):
    """Settings of scikit-learn's histogram gradient boosting on its digits: stands in for `xgboost-digits`.

    Not the published problem: 20 rounds instead of 100, shares of features instead of samples, and no least gain of a
    split. The value is the share of wrong answers on 30 % of the images. Regrets are from 0, so they are errors.

    Args:
        seed: of the split and of the training.
        noise: standard deviation on every evaluation.
    """

    name = "gradient-boosting-digits"
    exact = False
    cheap = False
    unit = "error"

    def __init__(self, *, seed: int = 0, noise: float = 1e-6) -> None:
        self.seed = seed
        space = Space(
            [
                Choice("grow_policy", ("depthwise", "lossguide")),
                Choice("class_weight", ("none", "balanced")),
                Real("learning_rate", 0.01, 1),
                Ordinal("max_depth", tuple(range(1, 11))),
                Ordinal("min_samples_leaf", (1, 2, 5, 10, 20, 50)),
                Real("max_features", 0.05, 1),
                Real("l2_regularization", 0, 5),
            ],
            name=self.name,
        )
        super().__init__(space=space, optimum=0.0, noise=noise)

    @property
    def settings(self) -> dict[str, Any]:
        return {"seed": self.seed, **super().settings}

    def value(self, arch: Mapping[str, Any]) -> float:
        from sklearn.ensemble import HistGradientBoostingClassifier

        given = dict(arch)
        leaves = _LEAVES if given.pop("grow_policy") == "lossguide" else None
        weight = None if given.pop("class_weight") == "none" else "balanced"
        return error(
            lambda: HistGradientBoostingClassifier(
                **given,
                max_leaf_nodes=leaves,
                class_weight=weight,
                max_iter=_ROUNDS,
                early_stopping=False,
                random_state=self.seed,
            ),
            self.seed,
        )
