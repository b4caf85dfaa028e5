"""XGBoost on digits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from archwright.bench.problems._digits import error
from archwright.bench.problems._gradient_boosting_digits import GradientBoostingDigits
from archwright.bench.problems._problem import Problem
from archwright.errors import UserError
from archwright.space import Choice, Ordinal, Real, Space


@final
class XGBoostDigits(Problem):
    """Settings of XGBoost on the digits of scikit-learn: "XGBoost-MNIST" of CASMOPOLITAN (Wan et al. 2021).

    Three categorical, one whole and four real variables; the value is the share of wrong answers on 30 % of the images,
    a split that is stratified and fixed by `seed`. Regrets are from 0, so they are errors. Needs `xgboost`.

    Args:
        seed: of the split and of the training.
        noise: standard deviation on every evaluation. Wan et al.: about 1e-6.

    Raises:
        UserError: xgboost is not installed.
    """

    name = "xgboost-digits"
    exact = False
    cheap = False
    unit = "error"

    def __init__(self, *, seed: int = 0, noise: float = 1e-6) -> None:
        if not installed():
            raise UserError("xgboost-digits needs xgboost (pip install xgboost); gradient-boosting-digits does not")
        self.seed = seed
        space = Space(
            [
                Choice("booster", ("gbtree", "dart")),
                Choice("grow_policy", ("depthwise", "lossguide")),
                Choice("objective", ("multi:softmax", "multi:softprob")),
                Real("learning_rate", 0, 1),
                Ordinal("max_depth", tuple(range(1, 11))),
                Real("min_split_loss", 0, 10),
                Real("subsample", 0.001, 1),
                Real("reg_lambda", 0, 5),
            ],
            name=self.name,
        )
        super().__init__(space=space, optimum=0.0, noise=noise)

    @property
    def settings(self) -> dict[str, Any]:
        return {"seed": self.seed, **super().settings}

    def value(self, arch: Mapping[str, Any]) -> float:
        import xgboost

        return error(lambda: xgboost.XGBClassifier(**arch, random_state=self.seed, n_jobs=1, verbosity=0), self.seed)


def installed() -> bool:
    """Whether there is an xgboost."""
    import importlib.util

    return importlib.util.find_spec("xgboost") is not None


def boosting_digits(*, seed: int = 0, noise: float = 1e-6) -> Problem:
    """Settings of XGBoost on the digits of scikit-learn; without xgboost those of scikit-learn's own gradient boosting.

    Args:
        seed: of the split and of the training.
        noise: standard deviation on every evaluation.
    """
    constructor = XGBoostDigits if installed() else GradientBoostingDigits
    return constructor(seed=seed, noise=noise)
