"""The page of a comparison of strategies: ranked tables and curves of regret."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archwright.bench import Standing, StrategyRow, standings
from archwright.report._axes import Axes
from archwright.report._blocks import Key, figure, note, paragraph, section, strong, table
from archwright.report._document import document
from archwright.report._markup import Markup, element
from archwright.report._numbers import NONE, counted, duration
from archwright.statistics import t_interval

_COLUMNS = ("rank", "strategy", "regret", "95 % interval", "test regret", "95 % interval", "any time", "found best",
            "p", "ask and tell")  # fmt: skip
_PER_PLOT = 5
_FIRST = 5  # evaluation at which curves begin: what the first ones happen to find says nothing


def strategies_html(rows: Sequence[StrategyRow]) -> str:
    """The comparison as one HTML document of UTF-8 text: no script, no image, no request to any host.

    Args:
        rows: of `archwright.bench.evaluate_strategies`, at least one.
    """
    first = rows[0]
    seeds = max(len(row.seeds) for row in rows)
    title = f"Strategies on {first.problem}"
    header = element(
        "header",
        element("p", "archwright bench", class_="kicker"),
        element("h1", title),
        element(
            "p",
            f"What each finds with {counted(first.budget, 'evaluation')}: mean regret in {first.unit} over "
            f"{counted(seeds, 'seed')}, with random search beside.",
        ),
    )
    placed = standings(rows)
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    parts = [
        _part(n, dataset, [standing for standing in placed if standing.row.dataset == dataset])
        for n, dataset in enumerate(datasets, 1)
    ]
    return document(title, header, parts, _together(len(parts) + 1, placed), _reading(first))


def _part(number: int, dataset: str, here: Sequence[Standing]) -> Markup:
    return section(number, dataset, table(_COLUMNS, [_cells(s) for s in here], words=(1,)), _plots(here))


def _cells(standing: Standing) -> list[object]:
    row = standing.row
    return [
        NONE if standing.rank is None else standing.rank,
        row.strategy if row.exact else strong(row.strategy),
        _fixed(row.valid_regret),
        _interval(row, row.valid_low, row.valid_high),
        _fixed(row.test_regret) if row.tested else NONE,
        _interval(row, row.test_low, row.test_high) if row.tested else NONE,
        _fixed(row.area),
        NONE if row.exact else f"{standing.found_best} of {len(row.seeds)}",
        NONE if standing.p is None else f"{standing.p:.2g}",
        NONE if row.exact else duration(row.seconds),
    ]


def _interval(row: StrategyRow, low: float, high: float) -> str:
    return "exact" if row.exact else NONE if math.isnan(low) else f"{_fixed(low)} to {_fixed(high)}"


def _fixed(value: float) -> str:
    return NONE if math.isnan(value) else f"{value:.3f}" if abs(value) < 1e4 else f"{value:.4g}"


def _plots(here: Sequence[Standing]) -> Markup:
    """Curves of a few strategies each, the best first, all on the same scale and with random search."""
    rows = [standing.row for standing in here]
    random = next((row for row in rows if row.exact), None)
    raced = [row for row in rows if not row.exact and not np.isnan(row.valid[:, -1]).any()]
    kinds = ["valid", "test"] if raced and raced[0].tested else ["valid"]
    drawn = [
        _plot(raced[start : start + _PER_PLOT], raced, random, kind, start)
        for start in range(0, len(raced), _PER_PLOT)
        for kind in kinds
    ]
    return element("div", drawn, class_="pair")


def _plot(
    rows: Sequence[StrategyRow], everyone: Sequence[StrategyRow], random: StrategyRow | None, kind: str, start: int
) -> Markup:
    shown = [*everyone, *([random] if random else [])]
    heights = [_mean(row, kind)[_first(row) - 1 :] for row in shown]
    name = "test regret" if kind == "test" else "regret"
    axes = Axes(
        [float(_first(rows[0])), float(rows[0].budget)],
        [0.0, *(float(value) for height in heights for value in height if math.isfinite(value))],
        x_label="evaluations",
        y_label=f"{name}, {rows[0].unit}",
        log_x=True,
    )
    marks: list[Sequence[Markup]] = []
    keys: list[Key] = []
    for n, row in enumerate(rows):
        marks.append([axes.band(_band(row, kind), f"series-{n}"), axes.line(_curve(row, kind), f"series-{n}", "hv")])
        keys.append((f"line series-{n}", row.strategy))
    if random is not None:
        marks.append([axes.line(_curve(random, kind), "expected", "hv")])
        keys.append(("line expected", random.strategy))
    last = start + len(rows)
    which = f"Rank {start + 1}" if last == start + 1 else f"Ranks {start + 1} to {last}"
    caption = f"{which}: {name} of the incumbent, mean over seeds and 95 % interval."
    return figure(axes.svg(*marks, label=caption), caption, keys)


def _mean(row: StrategyRow, kind: str) -> NDArray[np.float64]:
    values = row.test if kind == "test" else row.valid
    mean: NDArray[np.float64] = values.mean(0)
    return mean


def _curve(row: StrategyRow, kind: str) -> list[tuple[float, float]]:
    return [(float(n), float(v)) for n, v in enumerate(_mean(row, kind), 1) if n >= _first(row) and math.isfinite(v)]


def _band(row: StrategyRow, kind: str) -> list[tuple[float, float, float]]:
    """Budget, lower and upper end of the interval."""
    values = row.test if kind == "test" else row.valid
    ends = [(float(n), *t_interval(column)) for n, column in enumerate(values.T, 1)]
    return [(n, low, high) for n, low, high in ends if n >= _first(row) and math.isfinite(low)]


def _first(row: StrategyRow) -> int:
    return _FIRST if row.budget > 2 * _FIRST else 1


def _together(number: int, placed: Sequence[Standing]) -> Markup | None:
    means = {s.row.strategy: s.mean_rank for s in placed if s.mean_rank is not None}
    if not means:
        return None
    ordered = sorted(means.items(), key=lambda item: item[1])
    return section(
        number,
        "All data sets together",
        table(("strategy", "mean rank"), [(name, f"{rank:.2f}") for name, rank in ordered]),
        note("Ranks among these strategies at each data set and seed; ties share the mean of their ranks."),
    )


def _reading(first: StrategyRow) -> Markup:
    tested = (
        "Regret: what the best architecture so far, chosen by the validation results that the search saw, loses by "
        "these against the best of the table; test regret: what it loses by its test result."
        if first.tested
        else "Regret: what the best architecture so far loses against the best known; there are no test results."
    )
    return element(
        "footer",
        paragraph(
            tested,
            " Any time: mean regret over the logarithm of the budget. Found best: seeds that ended with the best there "
            "is. p: paired signed-rank test against the first by seed, corrected for their number (Holm); above 0.05 "
            "the order of the two may be chance. Expected random search is computed, not run. Ask and tell: seconds "
            "one run spends in the strategy itself, on one thread.",
        ),
    )
