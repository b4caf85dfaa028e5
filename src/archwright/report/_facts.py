"""Everything a report is made of, as plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from archwright.search import pareto
from archwright.trial import Objective, Trial, broken, comparable
from archwright.trial import objectives as parsed

PREDICTED = {"latency_ms": "predicted_latency_ms"}  # how a candidate is judged before it is exported


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known about a run; every part may be missing.

    Args:
        result: content of `result.json`. Beside what every run has it may hold `ranking` (see `trust`),
            `supernet_check` and `candidates_measured`.
        config: content of `config.yaml`.
        record: content of `record.json`: command, versions, machine.
        trials: of the search, in the order of their numbers.
        baseline: trials of random search with the same estimator and limits.
        network: content of `best/architecture.json`.
        latency_table: `protocol` and `fit` of `latency.json`.
        answers: for each sample of the test part its class and the exported network's answer, as class numbers.
    """

    result: Mapping[str, Any]
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    record: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    trials: Sequence[Trial] = ()
    baseline: Sequence[Trial] = ()
    network: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    latency_table: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    answers: Sequence[tuple[int, int]] = ()

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """The main one first."""
        return parsed(tuple(self.result.get("objectives") or ("accuracy",)))

    @property
    def main(self) -> Objective:
        """The objective that decides."""
        return self.objectives[0]

    @property
    def limits(self) -> Mapping[str, float]:
        """Upper limits as they were asked for, on the exported network."""
        return self.result.get("limits") or {}

    @cached_property
    def search_limits(self) -> dict[str, float]:
        """Upper limits as candidates were judged."""
        return {PREDICTED.get(name, name): limit for name, limit in self.limits.items()}

    @cached_property
    def front(self) -> list[Trial]:
        """Candidates within the limits that no other one dominates, the best first."""
        return pareto(self.trials, self.objectives, self.search_limits)

    @cached_property
    def ranked(self) -> list[Trial]:
        """Candidates within the limits, best first; where there were budgets, those at the largest one."""
        return sorted(self.finalists(self.trials), key=lambda t: (self.main.loss(t.metrics), t.number))

    def finalists(self, trials: Iterable[Trial]) -> list[Trial]:
        """Those of `trials` that could be the answer and were judged with the largest budget."""
        return comparable([trial for trial in trials if self.feasible(trial)])

    @cached_property
    def budgets(self) -> dict[float, list[Trial]]:
        """Candidates by the budget that the strategy gave them, smallest first; empty if it gave none."""
        given = sorted({t.budget for t in self.trials if t.budget is not None})
        return {budget: [t for t in self.trials if t.budget == budget] for budget in given}

    def feasible(self, trial: Trial) -> bool:
        """Whether a candidate could be the answer: judged, and known to be within every limit."""
        known = trial.metrics.keys() >= {self.main.metric, *self.search_limits}
        return trial.state == "complete" and known and not broken(trial.metrics, self.search_limits)

    @cached_property
    def chosen(self) -> Trial | None:
        """The candidate that became the answer, if it was one."""
        architecture = self.result.get("architecture")
        same = [t for t in self.trials if dict(t.arch) == architecture and t.state == "complete"]
        return next(iter(comparable(same)), None)

    @cached_property
    def axes(self) -> tuple[str, ...]:
        """Costs worth a plot: the second objective, whatever else is limited; parameters if there is neither."""
        named = [o.metric for o in self.objectives[1:2]] + list(self.search_limits)
        known = {name for trial in self.trials for name in trial.metrics}
        wanted = [name for name in dict.fromkeys([*named, "params"]) if name in known]
        return tuple(wanted[: max(1, len(dict.fromkeys(named)))])

    @property
    def data(self) -> Mapping[str, Any]:
        """Name, fingerprint, classes and sizes of the data."""
        return self.result.get("data") or {}

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Class names."""
        return tuple(map(str, self.data.get("classes") or ()))
