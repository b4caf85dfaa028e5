"""Trials in worker processes."""

from __future__ import annotations

import os
import pickle
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from typing import final

from archwright.errors import ArchwrightError, UserError
from archwright.study._evaluation import Evaluation
from archwright.study._executor import Executor, Hooks
from archwright.study._serve import Ready, Reported, Unusable, Up
from archwright.study._task import Task
from archwright.study._worker import Worker
from archwright.trial import Trial

_STILLBORN = 3  # workers in a row that end before they are ready
_ADVICE = (
    "define it at the top level of a module that can be imported, without lambdas or open files, or use one worker"
)
_GUARD = "a script that searches with workers does so under: if __name__ == '__main__':"


@final
class Processes(Executor):
    """Several trials at once, each in a worker process (started by "spawn", kept until `close`).

    The estimator is pickled and sent to each worker once; what it remembers it remembers there. Reports and trials come
    back through a pipe, so that the strategy and the storage stay in this process. A worker that dies turns its task
    into a failed trial and is replaced. Workers end with this process, however it ends.

    The trials are those of one worker as far as the estimator gives the same numbers with the same seed. Sums on a CPU
    may differ in the last digit when the number of threads does; give `threads` where that matters.

    Args:
        workers: processes, at least 1; no more are started than a batch has tasks.
        threads: of torch in each worker; None divides the cores this process may use, at least 1 each, at most
            `OMP_NUM_THREADS` where that is set.

    Raises:
        UserError: a number below 1; from `run`, an estimator that cannot be pickled.
        ArchwrightError: from `run`, worker processes that end before they can begin.
    """

    def __init__(self, workers: int = 2, threads: int | None = None) -> None:
        if workers < 1 or (threads is not None and threads < 1):
            raise UserError(f"workers and threads must be at least 1, got workers={workers}, threads={threads}")
        self.workers = workers
        self.threads = threads or _share(workers)
        self._pool: list[Worker] = []
        self._evaluation: Evaluation | None = None
        self._pickled = b""
        self._stillborn = 0

    def run(self, tasks: Sequence[Task], evaluation: Evaluation, hooks: Hooks) -> Iterator[Trial]:
        if evaluation is not self._evaluation:
            self.close()
            self._pickled, self._evaluation = _pickled(evaluation), evaluation
        waiting = deque(tasks)
        try:
            while waiting or self._busy:
                self._start(len(waiting) + len(self._busy))
                self._hand_out(waiting, evaluation, hooks)
                for worker in self._heard():
                    trial = self._listen(worker, hooks)
                    if trial is not None:
                        yield trial
        finally:
            for worker in self._busy:
                self._remove(worker)

    def close(self) -> None:
        for worker in list(self._pool):
            self._remove(worker)
        self._evaluation, self._pickled, self._stillborn = None, b"", 0

    @property
    def _busy(self) -> list[Worker]:
        return [worker for worker in self._pool if worker.trial is not None]

    def _start(self, tasks: int) -> None:
        """Have a worker for each of `tasks`, if so many are allowed."""
        while len(self._pool) < min(self.workers, tasks):
            self._pool.append(Worker(self.threads))

    def _hand_out(self, waiting: deque[Task], evaluation: Evaluation, hooks: Hooks) -> None:
        for worker in list(self._pool):
            if not waiting:
                return
            if worker.ready and worker.trial is None:
                try:
                    worker.begin(waiting[0], evaluation.source)
                except OSError:  # it died at rest
                    self._remove(worker)
                else:
                    hooks.started(waiting.popleft())

    def _heard(self) -> list[Worker]:
        """Wait for news; the workers that have some, or that have died."""
        if not self._pool:
            return []
        speaking = wait([worker.connection for worker in self._pool])
        return [worker for worker in self._pool if worker.connection in speaking]

    def _listen(self, worker: Worker, hooks: Hooks) -> Trial | None:
        """Take one message of `worker`; its trial, if that has ended."""
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            return self._lost(worker)
        match message:
            case Up():
                worker.give(self._pickled)
            case Ready():
                worker.ready, self._stillborn = True, 0
            case Unusable(reason):
                raise UserError(f"the estimator cannot be loaded in a worker process ({_line(reason)}); {_ADVICE}")
            case Reported(trial, report):
                worker.reported(trial, report)
                worker.say(hooks.reported(trial, report))
            case Trial():
                worker.trial = None
                return message
        return None

    def _lost(self, worker: Worker) -> Trial | None:
        """Put a dead worker aside; its trial, which has failed."""
        how = worker.fate()
        self._remove(worker)
        if not worker.ready:
            self._stillborn += 1
            if "killed" not in how or self._stillborn == _STILLBORN:
                raise ArchwrightError(f"a worker process {how} before it could begin; {_GUARD}")
        memory = " (out of memory?)" if "SIGKILL" in how else ""
        return worker.lost(f"the worker process {how}{memory}")

    def _remove(self, worker: Worker) -> None:
        self._pool.remove(worker)
        worker.end()


def _pickled(evaluation: Evaluation) -> bytes:
    try:
        return pickle.dumps(evaluation)
    except Exception as error:  # whatever the user's objects raise
        raise UserError(f"the estimator cannot be sent to worker processes ({_line(str(error))}); {_ADVICE}") from error


def _line(text: str) -> str:
    return " ".join(text.split())[:200]


def _share(workers: int) -> int:
    """Threads of one of `workers` processes."""
    most = os.environ.get("OMP_NUM_THREADS", "")
    share = max(1, _cores() // workers)
    return min(share, int(most)) if most.isdecimal() and int(most) else share


def _cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
