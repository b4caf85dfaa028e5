"""All candidates as a table for other programs."""

from __future__ import annotations

import csv
import io
import json

from archwright.report._facts import Facts
from archwright.report._reasons import last_line

_FACTS = ("number", "state", "key", "source", "seed", "budget", "seconds")
_VERDICTS = ("pareto", "within_limits", "chosen", "error", "architecture")


def summary(facts: Facts) -> str:
    """CSV, one row a candidate in the order of their numbers.

    Columns: number, state, key of the architecture, source of the score, seed, budget, seconds; every metric that any
    candidate has; whether it is on the Pareto front, within the limits, and the answer; the last line of its error; the
    architecture as JSON. What a candidate lacks is empty.
    """
    metrics = [
        m for m in dict.fromkeys(name for t in facts.trials for name in t.metrics) if m not in _FACTS + _VERDICTS
    ]
    front = {t.number for t in facts.front}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*_FACTS, *metrics, *_VERDICTS])
    for trial in facts.trials:
        rows.writerow(
            [
                *(trial.number, trial.state, trial.arch.key, trial.source, trial.seed, trial.budget, trial.seconds),
                *(trial.metrics.get(name) for name in metrics),
                *(trial.number in front, facts.feasible(trial), trial is facts.chosen, last_line(trial.error)),
                json.dumps(dict(trial.arch)),
            ]
        )
    return text.getvalue()
