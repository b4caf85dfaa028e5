"""One line of a comparison of estimators."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archwright.statistics import (
    best_rank_at,
    bootstrap,
    kendall,
    partial_spearman,
    precision_at,
    regret_at,
    spearman,
    spearman_rows,
    top,
)

Kind = Literal["score", "table", "baseline", "ceiling"]
_K = 10
_TOP = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """How well one estimator orders the architectures of a benchmark.

    Args:
        estimator: its name.
        kind: `score`: computed here on untrained networks; `table`: published with the table; `baseline`: what needs no
            estimator; `ceiling`: another training of the same networks, what no estimator of a single one can exceed.
        benchmark, dataset, metric, budget: the truth.
        seed: of the draw of architectures, the batch and the initial weights.
        count: architectures compared.
        missing: further ones that the table has no score for.
        degenerate: of those compared, scored infinitely low or no number; they rank last.
        kendall, spearman: tau-b and rho with the truth.
        low, high: 95 % bootstrap interval (over architectures) of `spearman`.
        kendall_top: tau-b within the truly best 10 %.
        partial: Spearman's rho given the number of parameters.
        precision_at_10: share of the predicted ten best among the true ten best.
        precision_at_10_percent: the same of the best 10 %.
        best_rank_at_10: true rank of the best of the predicted ten, divided by the count.
        regret_at_10: what training only the predicted ten best loses, in units of the metric.
        seconds_per_architecture: mean time of the score, without building the network; NaN: not measured.
        scores, truth: (count,) both, for figures.
    """

    estimator: str
    kind: Kind
    benchmark: str
    dataset: str
    metric: str
    budget: float
    seed: int
    count: int
    missing: int = 0
    degenerate: int = 0
    kendall: float = math.nan
    spearman: float = math.nan
    low: float = math.nan
    high: float = math.nan
    kendall_top: float = math.nan
    partial: float = math.nan
    precision_at_10: float = math.nan
    precision_at_10_percent: float = math.nan
    best_rank_at_10: float = math.nan
    regret_at_10: float = math.nan
    seconds_per_architecture: float = math.nan
    scores: NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.empty(0), repr=False)
    truth: NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.empty(0), repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Everything but the arrays, as JSON has it: NaN is None."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in ("scores", "truth")}
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}


def judged(
    scores: NDArray[np.float64],
    truth: NDArray[np.float64],
    params: NDArray[np.float64] | None,
    *,
    failed: NDArray[np.bool_] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    **about: Any,
) -> Row:
    """The row of an estimator.

    Args:
        scores: (n,), NaN where there is none; higher is better.
        truth: (n,).
        params: (n,); None: unknown.
        failed: (n,), where the estimator was asked and had no answer; they rank last.
        resamples: of the bootstrap; 0: no interval.
        seed: of the row, and of the bootstrap.
        about: further fields of the row.
    """
    scores = scores.copy() if failed is None else np.where(failed, -math.inf, scores)
    there = ~np.isnan(scores)
    missing = int((~there).sum())
    scores, truth = scores[there], truth[there]
    n = len(scores)
    sizes: dict[str, Any] = {"count": n, "missing": missing, "degenerate": int(np.isneginf(scores).sum())}
    row = Row(**sizes, scores=scores, truth=truth, seed=seed, **about)
    if n < 2:
        return row
    low = high = math.nan
    if resamples:
        low, high = bootstrap(spearman_rows, scores, truth, resamples=resamples, seed=seed, rows=True)
    best = top(_TOP, truth)
    k = min(_K, n)
    ordered = bool((scores != scores[0]).any())
    return dataclasses.replace(
        row,
        kendall=kendall(scores, truth),
        spearman=spearman(scores, truth),
        low=low,
        high=high,
        kendall_top=kendall(scores[best], truth[best]),
        partial=math.nan if params is None else partial_spearman(scores, truth, params[there]),
        precision_at_10=precision_at(k, scores, truth) if ordered else math.nan,
        precision_at_10_percent=precision_at(_TOP, scores, truth) if ordered else math.nan,
        best_rank_at_10=best_rank_at(k, scores, truth) if ordered else math.nan,
        regret_at_10=regret_at(k, scores, truth) if ordered else math.nan,
    )
