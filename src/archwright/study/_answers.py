"""What a list of trials says: the best one, the nearest miss, table rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from archwright.errors import ArchwrightError, Infeasible
from archwright.search import pareto
from archwright.space import Space
from archwright.trial import Objective, Trial, excess, misses


def best(trials: Sequence[Trial], objectives: Sequence[Objective], limits: Mapping[str, float]) -> Trial:
    """The complete trial within `limits` that is best on the first objective; of equals the earliest.

    Raises:
        Infeasible: none meets the limits.
        ArchwrightError: no trial is complete or refused.
    """
    first = pareto(trials, objectives[:1], limits)
    if first:
        return first[0]
    missed = [t for t in trials if t.state in ("complete", "refused", "stopped") and excess(t.metrics, limits) > 0]
    if not missed:
        states = ", ".join(sorted({t.state for t in trials})) or "none has run"
        raise ArchwrightError(f"no complete trial among {len(trials)} ({states})")
    raise Infeasible(f"none of {len(trials)} trials meets the limits; nearest: {nearest_miss(missed, limits)}")


def nearest_miss(trials: Sequence[Trial], limits: Mapping[str, float]) -> str:
    """`"trial 3 (0123456789abcdef), params 1,200 > 1,000 (+20 %)"`: the smallest total relative excess."""
    trial = min(trials, key=lambda t: (excess(t.metrics, limits), t.number))
    return f"trial {trial.number} ({trial.arch.key}), {misses(trial.metrics, limits)}"


def row(trial: Trial, space: Space, limits: Mapping[str, float]) -> dict[str, Any]:
    """A flat dictionary of one trial; a value that the architecture lacks is None, a metric it lacks is absent."""
    facts = {
        "number": trial.number,
        "key": trial.arch.key,
        "state": trial.state,
        "feasible": trial.state == "complete" and excess(trial.metrics, limits) == 0,
        "source": trial.source,
        "budget": trial.budget,
        "seed": trial.seed,
        "wall_seconds": trial.seconds,
    }
    metrics = {f"metric.{k}" if k in facts else k: v for k, v in trial.metrics.items() if not math.isnan(v)}
    values = {f"arch.{name}": trial.arch.get(name) for name in space.names}
    return facts | metrics | values | {"error": trial.error}
