"""How well a cheap estimator ranks as an expensive one does."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from archwright.errors import UserError
from archwright.estimate._estimator import Estimator
from archwright.estimate._inner import final
from archwright.space import Arch
from archwright.statistics import bootstrap, kendall, spearman


@dataclasses.dataclass(frozen=True, slots=True)
class RankAgreement:
    """Agreement of two estimators on the same architectures; larger values are better on both sides.

    Args:
        count: architectures.
        kendall, spearman: rank correlations.
        low, high: bootstrap interval (95 %) of `kendall`.
        cost_ratio: seconds of the proxy in parts of those of the target.
        inversions: share of the pairs among the target's best tenth (at least two) that the proxy orders the other way.
        recall: share of the target's best tenth that is in the proxy's best tenth.
        proxy, target: the values.
    """

    count: int
    kendall: float
    spearman: float
    low: float
    high: float
    cost_ratio: float
    inversions: float
    recall: float
    proxy: tuple[float, ...]
    target: tuple[float, ...]


def rank_agreement(
    proxy: Estimator,
    target: Estimator,
    archs: Sequence[Arch],
    *,
    metric: str = "accuracy",
    target_metric: str | None = None,
    seed: int = 0,
) -> RankAgreement:
    """Evaluate the architectures with both and compare the rankings; twenty or more tell something.

    Args:
        proxy, target: higher values of the metric are better.
        archs: at least two.
        metric: of the proxy.
        target_metric: of the target; None means the same.
        seed: of every evaluation.

    Raises:
        UserError: fewer than two architectures, or a metric that is not reported.
    """
    if len(archs) < 2:
        raise UserError(f"a ranking needs at least 2 architectures, got {len(archs)}")
    (cheap, fast), (real, slow) = (
        _evaluated(estimator, archs, name, seed)
        for estimator, name in ((proxy, metric), (target, target_metric or metric))
    )
    return compare(cheap, real, fast / slow if slow else math.nan)


def compare(proxy: ArrayLike, target: ArrayLike, cost_ratio: float = math.nan) -> RankAgreement:
    """The agreement of two lists of values, shape (n,) each; values that are not finite rank last."""
    a, b = (np.nan_to_num(np.asarray(v, dtype=np.float64), nan=-1e300, neginf=-1e300) for v in (proxy, target))
    best = np.argsort(-b, kind="stable")[: max(2, math.ceil(len(b) / 10))]
    chosen = np.argsort(-a, kind="stable")[: len(best)]
    pairs = [(i, j) for n, i in enumerate(best) for j in best[n + 1 :] if b[i] > b[j]]
    inverted = sum(a[i] < a[j] for i, j in pairs) / len(pairs) if pairs else 0.0
    low, high = bootstrap(kendall, a, b, resamples=500)
    return RankAgreement(
        count=len(a),
        kendall=kendall(a, b),
        spearman=spearman(a, b),
        low=low,
        high=high,
        cost_ratio=cost_ratio,
        inversions=float(inverted),
        recall=len(set(best) & set(chosen)) / len(best),
        proxy=tuple(a.tolist()),
        target=tuple(b.tolist()),
    )


def _evaluated(estimator: Estimator, archs: Sequence[Arch], metric: str, seed: int) -> tuple[list[float], float]:
    start = time.perf_counter()
    return [final(estimator, arch, metric, seed=seed) for arch in archs], time.perf_counter() - start
