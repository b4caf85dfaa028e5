"""A worker process, seen from its parent."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any, final

from archwright.study._serve import serve
from archwright.study._task import Task
from archwright.trial import Report, Trial

_PATIENCE = 5.0  # seconds for a process to be gone


@final
class Worker:
    """A process that runs `serve`, and the trial it is working on.

    Args:
        threads: of torch in the process.
    """

    def __init__(self, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.ready = False
        self.trial: Trial | None = None  # as far as it has come
        self._began = 0.0
        self._process = context.Process(target=serve, args=(theirs, threads), daemon=True)
        with _environment("OMP_NUM_THREADS", str(threads)), _interrupts_held():
            self._process.start()
        theirs.close()

    def begin(self, task: Task, source: str) -> None:
        """Hand over a task.

        Raises:
            OSError: the process has gone.
        """
        self.connection.send(task)
        self._began = time.perf_counter()
        self.trial = Trial(
            number=task.number, arch=task.arch, state="running", budget=task.budget, seed=task.seed, source=source
        )

    def reported(self, trial: Trial, report: Report) -> None:
        """Keep what is known of the trial at work."""
        metrics = {**trial.metrics, **report.metrics}
        self.trial = dataclasses.replace(trial, metrics=metrics, reports=(*trial.reports, report))

    def say(self, message: Any) -> None:
        """Send `message`; if the process has gone, its silence will tell."""
        with contextlib.suppress(OSError):
            self.connection.send(message)

    def give(self, pickled: bytes) -> None:
        """Send an object that is pickled already; if the process has gone, its silence will tell."""
        with contextlib.suppress(OSError):
            self.connection.send_bytes(pickled)

    def fate(self) -> str:
        """How the process, which has fallen silent, ended: `"was killed by SIGKILL"`, `"ended with exit code 1"`."""
        self._process.join(_PATIENCE)
        self.end()
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def end(self) -> None:
        """End the process at once, whatever it does."""
        self.connection.close()
        self._process.kill()
        self._process.join(_PATIENCE)

    def lost(self, reason: str) -> Trial | None:
        """The trial at work as a failed one; None if there is none."""
        if self.trial is None:
            return None
        seconds = time.perf_counter() - self._began
        return dataclasses.replace(self.trial, state="failed", seconds=seconds, error=reason)


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """An environment variable for a child that is started meanwhile."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until the end of the block; a child that is started meanwhile never sees it."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
