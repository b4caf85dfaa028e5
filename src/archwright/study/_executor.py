"""Where trials run."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import final

from archwright.study._evaluation import Evaluation
from archwright.study._task import Task
from archwright.trial import Report, Trial


@dataclasses.dataclass(frozen=True, slots=True)
class Hooks:
    """What a study wants to hear from an executor, in the study's own process.

    Args:
        started: a task is about to run.
        reported: `(trial so far, new report) -> whether to stop`.
    """

    started: Callable[[Task], None]
    reported: Callable[[Trial, Report], bool]


class Executor(abc.ABC):
    """Runs the tasks of a batch and hands back trials as they finish, in any order.

    The study asks its strategy for a whole batch, and tells the results in the order of their numbers when all are
    there; so the list of trials does not depend on the executor.
    """

    @abc.abstractmethod
    def run(self, tasks: Sequence[Task], evaluation: Evaluation, hooks: Hooks) -> Iterator[Trial]:
        """Evaluate every task.

        Args:
            tasks: of one batch, in the order of their numbers.
            evaluation: `evaluation(task, watch) -> Trial`; pickles if its estimator does.
            hooks: to be called in the process of the caller.

        Closing the iterator ends what is still running; those tasks are run again when the study continues.
        """

    def close(self) -> None:  # noqa: B027  not every executor keeps something
        """End what is kept from batch to batch. Called when a run of the study is over; another one may follow."""


@final
class InProcess(Executor):
    """One trial after the other, in this process and thread."""

    def run(self, tasks: Sequence[Task], evaluation: Evaluation, hooks: Hooks) -> Iterator[Trial]:
        for task in tasks:
            hooks.started(task)
            yield evaluation(task, hooks.reported)
