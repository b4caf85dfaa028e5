"""The search loop."""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, final

from archwright import search
from archwright.errors import ArchwrightError, UserError
from archwright.search import Proposal, Strategy
from archwright.space import Arch, Space
from archwright.study import _answers
from archwright.study._budgets import check_budgets, offered
from archwright.study._evaluation import Estimator, Evaluation
from archwright.study._executor import Executor, Hooks, InProcess
from archwright.study._seeds import Seeds
from archwright.study._store import Memory, Store
from archwright.study._task import Task
from archwright.trial import Objective, Report, Trial
from archwright.trial import objectives as parse_objectives

if TYPE_CHECKING:
    import pandas as pd

_ALL_FAIL = 5  # first trials, all failed: the estimator is broken
_HALF_FAIL = 10  # from here on, more failed trials than others mean the same


@final
class Study:
    """A search: a strategy asks, an estimator answers, every trial is kept.

    With `storage`, finished trials survive whatever happens to the process. Constructing the same study again and
    calling `run` continues it; a run that was killed and continued ends with the same trials as one that was not.

    Args:
        space: where to search.
        strategy: a fresh instance, a registered name (`search.names()`), or a class, which is then built with the
            space, objectives, limits and seed of the study, and with the budgets of the estimator if it chooses some.
        estimator: function from an architecture to a mapping of named floats, or to an iterator of `Report`s. It gets
            `budget=` and `seed=` if it takes them. Its attribute `source`, if any, says what kind of numbers these are.
        objectives: metrics to improve, the main one first.
        limits: upper limits on metrics. A trial whose report at step 0 breaks one before the objectives are known is
            refused; one that breaks it later is kept but never an answer.
        storage: path of a SQLite file, or any SQLAlchemy URL, in Optuna's format; None keeps trials in memory.
        name: of the study in the storage.
        seed: of the study; the estimator's seed of trial k follows from it and k.
        batch: architectures asked for at once; results are told when all of them are there.
        executor: where trials run (`Processes(workers=4)`); None means one after the other in this process.
        first: architectures to evaluate before the strategy is asked; it learns from them like from any other.

    Raises:
        UserError: a setting that cannot be used, or a storage that holds another study under this name.
        ArchwrightError: the storage cannot be opened or read.

    >>> study = Study(space, "random", lambda arch: {"accuracy": table[arch]}).run(trials=100)
    >>> study.best.arch
    """

    def __init__(
        self,
        space: Space,
        strategy: Strategy | str | Callable[..., Strategy],
        estimator: Estimator,
        *,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        storage: str | PathLike[str] | None = None,
        name: str = "study",
        seed: int = 0,
        batch: int = 1,
        executor: Executor | None = None,
        first: Sequence[Arch] = (),
    ) -> None:
        if batch < 1:
            raise UserError(f"batch must be at least 1, got {batch}")
        self.space = space
        self.objectives = parse_objectives(objectives)
        self.limits = {k: float(v) for k, v in (limits or {}).items()}
        self.name = name
        self.seed = seed
        self.batch = batch
        self._first = tuple(space.arch(arch) for arch in first)
        self._evaluation = Evaluation(estimator, self.objectives, self.limits)
        self.strategy = self._strategy(strategy)
        check_budgets(self.strategy, estimator, self._evaluation.keywords)
        self._executor = executor or InProcess()
        self._hooks = Hooks(self._started, self._reported)
        self._seeds = Seeds(seed)
        self._store = Memory() if storage is None else self._stored(storage)
        self._finished: dict[int, Trial] = {}
        self._failed = 0
        self._elapsed = 0.0  # seconds, over all runs and processes
        self._open: list[Task] = []
        self._load()

    def _strategy(self, strategy: Strategy | str | Callable[..., Strategy]) -> Strategy:
        if isinstance(strategy, Strategy):
            if strategy.made:
                raise UserError(f"the strategy has already made {strategy.made} proposals; a study needs a fresh one")
            if strategy.objectives != self.objectives or strategy.limits != self.limits:
                raise UserError("the strategy was built with other objectives or limits than the study")
            return strategy
        runtime: dict[str, Any] = {"objectives": self.objectives, "limits": self.limits, "seed": self.seed}
        constructor = search.STRATEGIES.load(strategy) if isinstance(strategy, str) else strategy
        taken = inspect.signature(constructor).parameters
        runtime |= {k: v for k, v in offered(self._evaluation.estimator).items() if k in taken}
        built: Strategy = constructor(self.space, **runtime)
        return built

    def _stored(self, storage: str | PathLike[str]) -> Store:
        from archwright.study._rdb import Rdb

        return Rdb(
            storage,
            self.name,
            space=self.space,
            objectives=self.objectives,
            limits=self.limits,
            facts=self._facts(),
        )

    def _facts(self) -> dict[str, Any]:
        """What must be the same when the study continues."""
        return {
            "objectives": [f"{'max' if o.maximise else 'min'}:{o.metric}" for o in self.objectives],
            "limits": self.limits,
            "seed": self.seed,
            "batch": self.batch,
            "first": [arch.key for arch in self._first],
            "strategy": {"name": type(self.strategy).__name__, "seed": self.strategy.seed, **self.strategy.settings},
        }

    def _load(self) -> None:
        trials, elapsed = self._store.load()
        self._elapsed = max(self._elapsed, elapsed)
        self._finished = {t.number: t for t in trials} | self._finished
        self._failed = sum(t.state == "failed" for t in self._finished.values())

    # running ----------------------------------------------------------------------------------------------------------

    def run(
        self,
        trials: int | None = None,
        minutes: float | None = None,
        *,
        callback: Callable[[Study, Trial], None] | None = None,
    ) -> Study:
        """Search until one of the budgets is used up; both count what earlier calls and processes have done.

        Args:
            trials: finished trials in total, failed and refused ones included.
            minutes: time that the study has run in total; the trial in progress when it is over is finished.
            callback: called with the study and each trial as it finishes.

        Returns:
            The study itself.

        Raises:
            UserError: no budget, or one that is not positive.
            ArchwrightError: the first 5 trials all failed, or more than half of at least 10; or the storage failed.
        """
        if trials is None and minutes is None:
            raise UserError("a study needs a budget: trials=, minutes= or both")
        if (trials is not None and trials < 1) or (minutes is not None and not minutes > 0):
            raise UserError(f"budgets must be positive, got trials={trials}, minutes={minutes}")
        with self._store.open(), contextlib.closing(self._executor):
            self._load()
            self._replay()
            clock = time.perf_counter() - self._elapsed
            deadline = float("inf") if minutes is None else 60 * minutes
            while (trials is None or len(self._finished) < trials) and self._elapsed < deadline:
                self._advance(trials, deadline, clock, callback)
        return self

    def _advance(
        self, trials: int | None, deadline: float, clock: float, callback: Callable[[Study, Trial], None] | None
    ) -> None:
        """Work on the open batch until it is finished and told, or a budget is used up."""
        tasks = [t for t in self._next_batch() if t.number not in self._finished]
        if trials is not None:
            tasks = tasks[: trials - len(self._finished)]
        for trial in self._executor.run(tasks, self._evaluation, self._hooks):
            self._elapsed = time.perf_counter() - clock
            self._store.finish(trial, self._elapsed)
            self._finished[trial.number] = trial
            if callback is not None:
                callback(self, trial)
            if trial.state == "failed":
                self._check_failures(trial)
            if self._elapsed >= deadline:
                break
        self._close_batch()

    def _replay(self) -> None:
        """Tell the strategy every finished batch that it has not been told."""
        while all(n in self._finished for n in range(self.strategy.told, self.strategy.told + self.batch)):
            for number in range(self.strategy.told, self.strategy.told + self.batch):
                self.strategy.tell(self._finished[number])

    def _next_batch(self) -> list[Task]:
        """The open batch. Batches start at multiples of their size, so that a run may end in the middle of one."""
        if not self._open:
            start = self.strategy.told
            whole = self.strategy.largest_budget
            given: list[Arch | Proposal] = [Proposal(a, whole) for a in self._first[start : start + self.batch]]
            asked = self.strategy.ask(self.batch - len(given)) if len(given) < self.batch else []
            for number, item in enumerate([*given, *asked], start):
                arch, budget = (item.arch, item.budget) if isinstance(item, Proposal) else (item, None)
                self._open.append(Task(number, arch, budget, self._seeds[number]))
        return self._open

    def _close_batch(self) -> None:
        if all(task.number in self._finished for task in self._open):
            for task in self._open:
                self.strategy.tell(self._finished[task.number])
            self._open = []

    def _started(self, task: Task) -> None:
        self._store.start(task, self._evaluation.source)

    def _reported(self, trial: Trial, report: Report) -> bool:
        self._store.report(trial.number, len(trial.reports), report)
        return self.strategy.should_stop(trial, report)

    def _check_failures(self, last: Trial) -> None:
        self._failed += 1
        done = len(self._finished)
        if (done >= _ALL_FAIL and self._failed == done) or (done >= _HALF_FAIL and self._failed > done / 2):
            reason = last.error.strip().rsplit("\n", 1)[-1]
            raise ArchwrightError(f"{self._failed} of {done} trials failed; the last one: {reason}")

    # answers ----------------------------------------------------------------------------------------------------------

    @property
    def trials(self) -> list[Trial]:
        """Every finished trial, in the order of their numbers."""
        return [self._finished[number] for number in sorted(self._finished)]

    @property
    def best(self) -> Trial:
        """The complete trial within the limits that is best on the first objective; of equals the earliest.

        Where the strategy chose budgets, only trials at the largest one are compared.

        Raises:
            Infeasible: none meets the limits; the message names the nearest and by how much it misses.
            ArchwrightError: no trial is complete.
        """
        return _answers.best(self.trials, self.objectives, self.limits)

    def pareto(self) -> list[Trial]:
        """Complete trials within the limits that no other one dominates, best of the first objective first; only those
        at the largest budget."""
        return search.pareto(self.trials, self.objectives, self.limits)

    def to_rows(self) -> list[dict[str, Any]]:
        """One dictionary a trial: number, key, state, metrics, source, budget, seed, wall time, values, error."""
        return [_answers.row(trial, self.space, self.limits) for trial in self.trials]

    def to_frame(self) -> pd.DataFrame:
        """`to_rows` as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.to_rows())
