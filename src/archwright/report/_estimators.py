"""The page of a comparison of estimators: one table, one scatter plot an estimator."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archwright.bench import Row
from archwright.report._axes import Axes
from archwright.report._blocks import figure, note, section, strong, table
from archwright.report._document import document
from archwright.report._markup import Markup, element
from archwright.report._numbers import NONE, amount, counted, duration, label
from archwright.report._plots import sensible
from archwright.statistics import ranks

_COLUMNS = (
    "estimator",
    "Kendall",
    "Spearman",
    "95 % interval",
    "given params",
    "top 10 %",
    "P@10",
    "P@10 %",
    "best rank",
    "regret",
    "time",
)
_KINDS = {
    "score": "computed on untrained networks",
    "table": "published with the table",
    "baseline": "needs no estimator",
    "ceiling": "the noise of the truth",
}
_SQUEEZED = 0.02  # of an axis: where the middle half of the scores take less, their ranks are drawn


def estimators_html(rows: Sequence[Row]) -> str:
    """The comparison as one HTML document of UTF-8 text: no script, no image, no request to any host.

    Args:
        rows: of `archwright.bench.evaluate_estimators`, at least one.
    """
    first = rows[0]
    title = f"Estimators on {first.benchmark}, {first.dataset}"
    header = element(
        "header",
        element("p", "archwright bench", class_="kicker"),
        element("h1", title),
        element(
            "p",
            f"How well each orders {counted(max(row.count for row in rows), 'architecture')} by {label(first.metric)} "
            f"after {first.budget:g} epochs. Seed {first.seed}.",
        ),
    )
    return document(title, header, _figures(rows), _plots(rows))


def _figures(rows: Sequence[Row]) -> Markup:
    ordered = sorted(rows, key=lambda row: (row.kind == "ceiling", -np.nan_to_num(row.kendall, nan=-2.0)))
    return section(
        1,
        "Who orders best",
        table(_COLUMNS, [_cells(row) for row in ordered]),
        note(
            "Bold: computed here. Kendall: tau-b; top 10 %: the same within the truly best. Interval: of Spearman, "
            "bootstrap over the architectures. Given params: Spearman of what the number of parameters does not "
            "explain. P@10: share of the predicted ten best among the true ten. Best rank: of the predicted ten, as a "
            "share of all. Regret: what training only the predicted ten loses, in the units of the truth. "
            f"{_degenerate(rows)}"
        ),
    )


def _degenerate(rows: Sequence[Row]) -> str:
    said = [f"{row.estimator} {row.degenerate}" for row in rows if row.degenerate]
    return f"Networks without a finite score rank last: {', '.join(said)}." if said else ""


def _cells(row: Row) -> list[object]:
    interval = NONE if math.isnan(row.low) else f"{row.low:.3f} to {row.high:.3f}"
    return [
        strong(row.estimator) if row.kind == "score" else row.estimator,
        *(_fixed(value) for value in (row.kendall, row.spearman)),
        interval,
        *(_fixed(value) for value in (row.partial, row.kendall_top)),
        _fixed(row.precision_at_10, 1),
        _fixed(row.precision_at_10_percent, 2),
        _fixed(row.best_rank_at_10),
        _fixed(row.regret_at_10, 2),
        NONE if math.isnan(row.seconds_per_architecture) else duration(row.seconds_per_architecture),
    ]


def _fixed(value: float, places: int = 3) -> str:
    return NONE if math.isnan(value) else f"{value:.{places}f}"


def _plots(rows: Sequence[Row]) -> Markup:
    drawn = [_scatter(row) for row in rows if len(row.scores)]
    return section(2, "What they see", element("div", drawn, class_="pair"))


def _scatter(row: Row) -> Markup:
    there = np.isfinite(row.scores)
    scores, name = row.scores[there], row.estimator
    if _squeezed(scores):
        scores, name = ranks(scores), f"rank by {name}"
    xs, ys = scores.tolist(), row.truth[there].tolist()
    axes = Axes(xs, sensible(ys, True), x_label=name, y_label=label(row.metric), log_x=None)
    points = [(x, y, f"{name} {amount(x)}, {label(row.metric)} {amount(y)}") for x, y in zip(xs, ys)]
    caption = f"{row.estimator}, {_KINDS[row.kind]}: Kendall {_fixed(row.kendall)}, Spearman {_fixed(row.spearman)}."
    caption += axes.clipped(ys)
    return figure(axes.svg(axes.dots(points, "judged", 2.2), label=caption), caption)


def _squeezed(scores: NDArray[np.float64]) -> bool:
    """Whether a few scores are so large that the others could not be told apart beside them."""
    if not len(scores) or scores.min() > 0:  # the axis will be logarithmic
        return False
    low, high = np.quantile(scores, [0.25, 0.75])
    return bool(high - low < _SQUEEZED * np.ptp(scores))
