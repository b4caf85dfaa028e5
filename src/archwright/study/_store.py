"""Where finished trials are kept."""

from __future__ import annotations

import abc
import contextlib
from contextlib import AbstractContextManager
from typing import final

from archwright.study._task import Task
from archwright.trial import Report, Trial


class Store(abc.ABC):
    """What a study writes down while it runs."""

    @abc.abstractmethod
    def open(self) -> AbstractContextManager[None]:
        """Claim the study for this process while it runs; trials that a dead process left running are put aside."""

    @abc.abstractmethod
    def load(self) -> tuple[list[Trial], float]:
        """Every finished trial, in the order of their numbers, and the seconds that the study has run so far."""

    @abc.abstractmethod
    def start(self, task: Task, source: str) -> None:
        """A trial begins."""

    @abc.abstractmethod
    def report(self, number: int, position: int, report: Report) -> None:
        """Report `position`, counted from 0, of running trial `number` has come in."""

    @abc.abstractmethod
    def finish(self, trial: Trial, elapsed: float) -> None:
        """A trial has ended, when the study had run for `elapsed` seconds."""


@final
class Memory(Store):
    """Keeps nothing: the study itself holds its trials."""

    def open(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def load(self) -> tuple[list[Trial], float]:
        return [], 0.0

    def start(self, task: Task, source: str) -> None:
        pass

    def report(self, number: int, position: int, report: Report) -> None:
        pass

    def finish(self, trial: Trial, elapsed: float) -> None:
        pass
