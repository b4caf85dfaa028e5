"""Support vector machines on digits."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, final

from archwright.bench.problems._digits import error
from archwright.bench.problems._problem import Problem
from archwright.space import Choice, Ordinal, Real, Space

_STEPS = 20_000


@final
class SvmDigits(Problem):
    """Kernel and settings of a support vector machine on the digits of scikit-learn; a space with conditions.

    Scaling and kernel are categorical; degree, gamma and the constant exist for the kernels that have them. The value
    is the share of wrong answers on 30 % of the images. Regrets are from 0, so they are errors. The problem is ours.

    Args:
        seed: of the split.
        noise: standard deviation on every evaluation.
    """

    name = "svm"
    exact = False
    cheap = False
    unit = "error"

    def __init__(self, *, seed: int = 0, noise: float = 1e-6) -> None:
        self.seed = seed
        curved = ["rbf", "poly", "sigmoid"]
        space = Space(
            [
                Choice("scaling", ("none", "standard", "range")),
                Choice("kernel", ("linear", "rbf", "poly", "sigmoid")),
                Real("C", 1e-3, 1e3, log=True),
                Real("gamma", 1e-5, 10, log=True),
                Ordinal("degree", (2, 3, 4, 5)),
                Real("coef0", 0, 1),
            ],
            when={"gamma": {"kernel": curved}, "degree": {"kernel": ["poly"]}, "coef0": {"kernel": curved[1:]}},
            name=self.name,
        )
        super().__init__(space=space, optimum=0.0, noise=noise)

    @property
    def settings(self) -> dict[str, Any]:
        return {"seed": self.seed, **super().settings}

    def value(self, arch: Mapping[str, Any]) -> float:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
        from sklearn.svm import SVC

        given = dict(arch)
        scaler = {"none": FunctionTransformer, "standard": StandardScaler, "range": MinMaxScaler}[given.pop("scaling")]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return error(lambda: make_pipeline(scaler(), SVC(**given, max_iter=_STEPS)), self.seed)
