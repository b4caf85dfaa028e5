"""What a worker process of `Processes` does, and what it says to its parent."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection

from archwright.study._evaluation import Evaluation
from archwright.study._task import Task
from archwright.trial import Report, Trial


@dataclasses.dataclass(frozen=True, slots=True)
class Up:
    """The process has started and waits for its evaluation."""


@dataclasses.dataclass(frozen=True, slots=True)
class Ready:
    """The evaluation is there; tasks may come."""


@dataclasses.dataclass(frozen=True, slots=True)
class Unusable:
    """The evaluation cannot be unpickled here.

    Args:
        reason: the error in one line.
    """

    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Reported:
    """A report of the task at work; the process waits for the answer, whether to stop.

    Args:
        trial: as it was before `report`.
        report: the new one.
    """

    trial: Trial
    report: Report


def serve(connection: Connection, threads: int) -> None:
    """Evaluate one task after the other, until the parent closes the connection or dies.

    Args:
        connection: to the parent. Out go `Up`, `Ready` or `Unusable`, then for each task its `Reported`s and its
            `Trial`; in come the pickled evaluation, tasks, and a bool for each `Reported`.
        threads: of torch.
    """
    multiprocessing.current_process().daemon = False  # an estimator may start processes, to read images for example
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, ConnectionError):  # the parent has closed its end
        connection.send(Up())
        try:
            evaluation: Evaluation = connection.recv()
        except EOFError:
            raise
        except Exception as error:  # whatever importing and unpickling the user's estimator raises
            connection.send(Unusable(f"{type(error).__name__}: {error}"))
            return
        if "torch" in sys.modules:  # else it takes OMP_NUM_THREADS when it is imported
            import torch

            torch.set_num_threads(threads)
        connection.send(Ready())
        while True:
            _work(connection, evaluation, connection.recv())


def _work(connection: Connection, evaluation: Evaluation, task: Task) -> None:
    def watch(trial: Trial, report: Report) -> bool:
        connection.send(Reported(trial, report))
        answer: bool = connection.recv()
        return answer

    connection.send(evaluation(task, watch))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
