"""One trial: the estimator is called, its reports are judged."""

from __future__ import annotations

import contextlib
import inspect
import math
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, final

from archwright.study._task import Task
from archwright.trial import Objective, Report, State, Trial, broken

Estimator = Callable[..., Mapping[str, float] | Iterable[Report]]
Watch = Callable[[Trial, Report], bool]


Verdict = tuple[State, str]  # how a trial ends, and why


@final
class Evaluation:
    """Turns a task into a finished trial; errors of the estimator become failed trials.

    Args:
        estimator: called with the architecture, and with `budget=` and `seed=` if it takes them; returns a mapping of
            named floats, or yields `Report`s.
        objectives: metrics that a complete trial must have, as finite numbers.
        limits: upper limits on metrics; a complete trial must have these metrics too.
    """

    def __init__(self, estimator: Estimator, objectives: Sequence[Objective], limits: Mapping[str, float]) -> None:
        self.estimator = estimator
        self.objectives = tuple(objectives)
        self.limits = dict(limits)
        self.source = str(getattr(estimator, "source", "function"))
        self._required = tuple(dict.fromkeys([o.metric for o in self.objectives] + list(self.limits)))
        self.keywords = _accepted(estimator)

    def __call__(self, task: Task, watch: Watch) -> Trial:
        """Run the estimator on `task`.

        Args:
            task: what to evaluate.
            watch: called with the trial so far and each new report; answers whether to stop. Its errors pass through.
        """
        started = time.perf_counter()
        try:
            answer = self._call(task)
            metrics = _floats(answer) if isinstance(answer, Mapping) else None
        except Exception:
            return self._trial(task, "failed", {}, (), started, traceback.format_exc())
        if metrics is None:
            return self._follow(task, _Reports(answer), started, watch)
        state, error = self._final(metrics)
        return self._trial(task, state, metrics, (), started, error)

    def _call(self, task: Task) -> Any:
        if not self.keywords:
            return self.estimator(task.arch)
        return self.estimator(task.arch, **{name: getattr(task, name) for name in self.keywords})

    def _follow(self, task: Task, answers: _Reports, started: float, watch: Watch) -> Trial:
        """Listen to reports until the estimator is done, or the trial is to end before."""
        metrics: dict[str, float] = {}
        reports: tuple[Report, ...] = ()
        verdict = None
        with contextlib.closing(answers):
            for report in answers:
                stop = watch(self._trial(task, "running", metrics, reports, started), report)
                reports += (report,)
                metrics = {**metrics, **report.metrics}
                verdict = self._early(report, stop)
                if verdict:
                    break
        if answers.error:
            verdict = ("failed", answers.error)
        state, error = verdict or self._final(metrics)
        return self._trial(task, state, metrics, reports, started, error)

    def _trial(
        self,
        task: Task,
        state: State,
        metrics: Mapping[str, float],
        reports: tuple[Report, ...],
        started: float,
        error: str = "",
    ) -> Trial:
        return Trial(
            number=task.number,
            arch=task.arch,
            state=state,
            metrics=metrics,
            reports=reports,
            budget=task.budget,
            seed=task.seed,
            seconds=time.perf_counter() - started,
            source=self.source,
            error=error,
        )

    def _early(self, report: Report, stop: bool) -> Verdict | None:
        """Why the trial ends with `report`, None when it goes on."""
        for name in self._required:
            value = report.metrics.get(name, 0.0)
            if math.isnan(value) or (math.isinf(value) and name not in self.limits):
                return ("failed", f"{name} is {value} at step {report.step}")
        if report.step == 0 and any(o.metric not in report.metrics for o in self.objectives):
            refusal = self._refusal(report.metrics)
            if refusal:
                return ("refused", refusal)
        return ("stopped", "") if stop else None

    def _refusal(self, metrics: Mapping[str, float]) -> str:
        return "; ".join(f"{k} {value:.6g} > {limit:.6g}" for k, (value, limit) in broken(metrics, self.limits).items())

    def _final(self, metrics: Mapping[str, float]) -> Verdict:
        missing = [name for name in self._required if name not in metrics]
        if missing:
            refusal = self._refusal(metrics)
            if refusal:
                return ("refused", refusal)
            known = ", ".join(metrics) or "nothing"
            return ("failed", f"the estimator gave no {missing[0]!r}, which the study needs; it gave: {known}")
        for objective in self.objectives:
            if not math.isfinite(metrics[objective.metric]):
                return ("failed", f"{objective.metric} is {metrics[objective.metric]}")
        for name in self.limits:
            if math.isnan(metrics[name]):
                return ("failed", f"{name} is nan")
        return "complete", ""


class _Reports:
    """The reports of an estimator, checked; its error, if any, ends them and is kept as text.

    Args:
        answer: what the estimator returned.
    """

    def __init__(self, answer: Any) -> None:
        self.error = ""
        self._answer = answer

    def __iter__(self) -> Iterator[Report]:
        try:
            if not isinstance(self._answer, Iterable):
                raise _not_a_report(self._answer)
            for report in self._answer:
                if not isinstance(report, Report):
                    raise _not_a_report(report)
                yield Report(step=int(report.step), metrics=_floats(report.metrics))
        except Exception:
            self.error = traceback.format_exc()

    def close(self) -> None:
        """End an estimator that is still at work."""
        try:
            if isinstance(self._answer, Generator):
                self._answer.close()
        except Exception:
            self.error = traceback.format_exc()


def _not_a_report(value: Any) -> TypeError:
    return TypeError(f"an estimator returns a mapping of floats or yields Report, got {value!r}")


def _floats(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in metrics.items()}


def _accepted(estimator: Estimator) -> tuple[str, ...]:
    """Which of `budget` and `seed` the estimator takes as keywords."""
    try:
        parameters = inspect.signature(estimator).parameters.values()
    except ValueError:  # built-in without a signature
        return ()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return ("budget", "seed")
    named = {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    return tuple(name for name in ("budget", "seed") if name in named)
