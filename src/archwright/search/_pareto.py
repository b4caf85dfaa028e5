"""The trade-off curve of a list of trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from archwright.search._fitness import fitness, non_dominated
from archwright.trial import Objective, Trial, comparable
from archwright.trial import objectives as parse_objectives


def pareto(
    trials: Sequence[Trial],
    objectives: Sequence[str | Objective] = ("accuracy",),
    limits: Mapping[str, float] | None = None,
) -> list[Trial]:
    """The complete, feasible trials that no other one dominates, best of the first objective first.

    Of several equal results for one architecture the earliest is kept; different architectures with equal metrics are
    all kept. A trial that lacks an objective, or a metric that has a limit, is left out. Of trials with budgets those
    at the largest one are compared, as others are not comparable with them.

    Args:
        trials: in any order.
        objectives: metrics to improve; with a single one the result is the best trial and its equals.
        limits: upper limits on metrics.
    """
    goals = parse_objectives(objectives)
    limits = limits or {}
    complete = [t for t in trials if t.state == "complete" and limits.keys() <= t.metrics.keys()]
    judged = {id(t): fitness(t, goals, limits) for t in complete}
    within = comparable([t for t in complete if judged[id(t)][0] <= 0])
    feasible = [(t, list(judged[id(t)][1:])) for t in within]
    feasible.sort(key=lambda pair: (pair[1], pair[0].number))
    front = non_dominated(np.array([losses for _, losses in feasible]).reshape(len(feasible), len(goals)))
    kept: dict[tuple[object, ...], Trial] = {}
    for (trial, losses), keep in zip(feasible, front, strict=True):
        if keep:
            kept.setdefault((trial.arch, *losses), trial)
    return list(kept.values())
