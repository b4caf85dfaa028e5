"""Plots of a run: the trade-off, the best so far, learning curves."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from archwright.report._axes import Axes, Point
from archwright.report._blocks import Key, figure
from archwright.report._facts import Facts
from archwright.report._markup import Markup
from archwright.report._numbers import amount, axis, counted, label
from archwright.search import pareto
from archwright.trial import Trial, comparable

_MARKS = 80  # of a learning curve


def pareto_plot(facts: Facts, metric: str) -> Markup:
    """Main objective against the cost `metric`: judged candidates, the front, the answer, the limit, the baseline."""
    main = facts.main.metric
    judged = comparable([t for t in facts.trials if t.state == "complete" and {main, metric} <= t.metrics.keys()])
    random = [t for t in facts.baseline[: len(facts.trials)] if t.state == "complete" and metric in t.metrics]
    limit = facts.search_limits.get(metric, math.nan)
    axes = Axes(
        [*(t.metrics[metric] for t in judged + random), limit],
        sensible([t.metrics[main] for t in judged + random], facts.main.maximise),
        x_label=axis(metric),
        y_label=axis(main),
        height=290,
        log_x=None,
    )
    front, random_front = (_front(facts, trials, metric) for trials in (judged, random))
    within = [t for t in judged if facts.feasible(t)]
    marks = [
        axes.limit(limit, f"limit {amount(limit, metric)}"),
        axes.dots(_points(facts, (t for t in judged if not facts.feasible(t)), metric), "over", 2.6),
        axes.dots(_points(facts, random, metric), "random", 2.6),
        axes.dots(_points(facts, within, metric), "judged", 2.6),
        [_front_line(axes, facts, random_front, metric, "series-random")],
        [_front_line(axes, facts, front, metric, "series-front")],
        axes.dots(_points(facts, front, metric), "front", 3.6),
        axes.dots(_points(facts, [facts.chosen] if facts.chosen else [], metric), "chosen", 5.5),
    ]
    keys: list[Key] = [("judged", "candidate"), ("front", "Pareto front")]
    keys += [("over", "over a limit")] * (len(within) < len(judged))
    keys += [("chosen", "the answer")] * (facts.chosen is not None)
    keys += [("line limit", "limit")] * math.isfinite(limit)
    keys += [("line series-random", f"random search, {counted(len(random), 'candidate')}")] * bool(random)
    better = "up" if facts.main.maximise else "down"
    caption = f"{label(main).capitalize()} against {label(metric)} as the search saw them; {better} and left is better."
    caption += f" Shown: those at the largest budget, {max(facts.budgets):.4g}." if facts.budgets else ""
    caption += axes.clipped(t.metrics[main] for t in judged + random)
    return figure(axes.svg(*marks, label=caption), caption, keys)


def _front(facts: Facts, trials: Sequence[Trial], metric: str) -> list[Trial]:
    """The front of two objectives, in the order of the cost."""
    return sorted(pareto(trials, [facts.main, f"min:{metric}"], facts.search_limits), key=lambda t: t.metrics[metric])


def _front_line(axes: Axes, facts: Facts, front: Sequence[Trial], metric: str, css: str) -> Markup:
    return axes.line([(t.metrics[metric], t.metrics[facts.main.metric]) for t in front], css, "hv")


def _points(facts: Facts, trials: Any, metric: str) -> list[Point]:
    return [(t.metrics[metric], t.metrics[facts.main.metric], _tooltip(t)) for t in trials]


def _tooltip(trial: Trial) -> str:
    return f"candidate {trial.number}: " + ", ".join(f"{label(k)} {amount(v, k)}" for k, v in trial.metrics.items())


def best_so_far_plot(facts: Facts, clock: Literal["candidates", "seconds"]) -> Markup:
    """The best main objective within the limits, after so many candidates or seconds of judging them."""
    ours = best_so_far(facts, facts.trials, clock)
    random = best_so_far(facts, facts.baseline[: len(facts.trials)], clock)
    main = facts.main
    axes = Axes(
        [x for x, _ in ours + random] + [0.0],
        sensible([t.metrics[main.metric] for t in facts.ranked] + [y for _, y in random], main.maximise),
        x_label="candidates judged" if clock == "candidates" else "seconds of judging",
        y_label=f"best {axis(main.metric)}",
        whole=clock == "candidates",
    )
    marks = [
        [axes.line(random, "series-random", "hv"), axes.line(ours, "series-front", "hv")],
        axes.dots([(x, y, f"{amount(y, main.metric)} at {x:,.4g} {clock}") for x, y in ours[:-1]], "front", 3.0),
    ]
    keys: list[Key] = [("line series-front", "this search")]
    keys += [("line series-random", "random search")] * bool(random)
    caption = f"Best {label(main.metric)} within the limits, by {'time' if clock == 'seconds' else 'candidates'}."
    caption += axes.clipped(y for _, y in ours + random)
    return figure(axes.svg(*marks, label=caption), caption, keys)


def best_so_far(
    facts: Facts, trials: Sequence[Trial], clock: Literal["candidates", "seconds"]
) -> list[tuple[float, float]]:
    """(position, main objective) of each candidate better than all before it, and of the best one at the end.

    Candidates judged with a smaller budget than others take their time, but are not compared.
    """
    seen: list[tuple[float, float]] = []
    finalists = {trial.number for trial in facts.finalists(trials)}
    best: Trial | None = None
    seconds = 0.0
    for n, trial in enumerate(trials, 1):
        seconds += trial.seconds
        if trial.number not in finalists:
            continue
        if best is None or facts.main.loss(trial.metrics) < facts.main.loss(best.metrics):
            best = trial
            seen.append((float(n) if clock == "candidates" else seconds, best.metrics[facts.main.metric]))
    if best is not None:
        seen.append((float(len(trials)) if clock == "candidates" else seconds, best.metrics[facts.main.metric]))
    return seen


def curves_plot(curves: Mapping[str, Sequence[Mapping[str, Any]]], metric: str) -> Markup | None:
    """`metric` after each epoch of one or two trainings; None where it was never taken.

    Args:
        curves: what was trained -> metrics after each epoch.
        metric: `accuracy` on the validation part, or `train_loss`.
    """
    lines = {name: _taken(curve, metric) for name, curve in curves.items()}
    lines = {name: line for name, line in lines.items() if line}
    if not lines:
        return None
    everything = list(itertools.chain(*lines.values()))
    y_label = "validation accuracy, %" if metric == "accuracy" else "training loss"
    axes = Axes(
        [x for x, _ in everything] + [0.0], [y for _, y in everything], x_label="epoch", y_label=y_label, whole=True
    )
    marks, keys = [], []
    for n, (name, line) in enumerate(lines.items()):
        marked = line[:: -(-len(line) // _MARKS)]
        points = [(x, y, f"{name}, epoch {x:g}: {amount(y, metric)}") for x, y in marked]
        marks.append([axes.line(line, f"series-{n}"), *axes.dots(points, f"series-{n}", 2.4)])
        keys.append((f"series-{n}", name))
    caption = f"{y_label.split(',')[0].capitalize()} while training."
    return figure(axes.svg(*marks, label=caption), caption, keys)


def _taken(curve: Sequence[Mapping[str, Any]], metric: str) -> list[tuple[float, float]]:
    values = [(float(n), m.get(metric)) for n, m in enumerate(curve, 1)]
    return [(n, float(v)) for n, v in values if isinstance(v, int | float) and math.isfinite(v)]


def sensible(values: Sequence[float], maximise: bool) -> list[float]:
    """`values` without those so bad that they would squeeze the good ones into one corner of a plot.

    What is worse than the median by more than twice the distance from the median to the best is left out, where that
    saves much room.
    """
    finite = [v for v in values if math.isfinite(v)]
    if len(finite) < 8:
        return finite
    sign = 1 if maximise else -1
    middle, best = statistics.median(finite), sign * max(sign * v for v in finite)
    kept = [v for v in finite if sign * (v - middle) >= -2 * abs(best - middle) - 1e-12]
    return kept if max(kept) - min(kept) < 0.6 * (max(finite) - min(finite)) else finite
