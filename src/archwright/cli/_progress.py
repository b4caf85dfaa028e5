"""What a run is doing, as lines of text or as a bar on a terminal. Imported only when something runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TextIO

import rich.console
import rich.progress

from archwright.cli._clock import Pace, clock
from archwright.cli._table import table
from archwright.run import Progress


def shown(stream: TextIO) -> Bar | Lines:
    """A bar if `stream` is a terminal, lines otherwise."""
    return Bar(stream) if stream.isatty() else Lines(stream)


class Lines(Progress):
    """One line when a phase begins, some while it goes on, ever more seldom, and one when it is done.

    Args:
        stream: where to write.
        every: least seconds between two lines of the same phase; a tenth of its time so far if that is more.
        now: clock, in seconds.
    """

    def __init__(self, stream: TextIO, *, every: float = 10.0, now: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._every = every
        self._now = now
        self._began = self._said = now()
        self._pace = Pace(self._began)
        self._pending = ""

    def phase(self, name: str, number: int, total: int) -> None:
        """A phase begins."""
        self._flush()
        self._began = self._said = self._now()
        self._pace = Pace(self._began)
        self._write(f"[{number}/{total}] {name}")

    def step(self, done: float, total: float | None, text: str) -> None:
        """Work went on; said at most every few seconds, and once at the end of the phase."""
        now = self._now()
        remaining = self._pace.left(done, total, now)
        times = clock(now - self._began) + (f", {clock(remaining)} left" if remaining else "")
        self._pending = "      " + "  ".join(word for word in (_count(done, total), text, f"({times})") if word)
        if now - self._said >= max(self._every, (now - self._began) / 10):
            self._flush()
            self._said = now

    def message(self, text: str) -> None:
        """Something worth a line of its own."""
        self._flush()
        self._write(f"      {text}")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table, such as the Pareto set."""
        self._flush()
        self._write(table(columns, rows, title=title))

    def close(self, *, finished: bool) -> None:
        """Say what was not said yet."""
        self._flush()

    def _flush(self) -> None:
        if self._pending:
            self._write(self._pending)
            self._pending = ""

    def _write(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class Bar(Progress):
    """One bar for the phase at work; a line stays behind for each that is done.

    Args:
        stream: a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._console = rich.console.Console(file=stream, highlight=False, soft_wrap=True)
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}", markup=False),
            rich.progress.BarColumn(bar_width=24),
            rich.progress.TextColumn("{task.fields[count]}", markup=False),
            rich.progress.TimeElapsedColumn(),
            rich.progress.TextColumn("{task.fields[said]}", markup=False),
            console=self._console,
            transient=True,
            refresh_per_second=4,
        )
        self._bar.start()
        self._task: rich.progress.TaskID | None = None
        self._name = self._text = ""
        self._began = time.monotonic()
        self._pace = Pace(self._began)

    def phase(self, name: str, number: int, total: int) -> None:
        """A phase begins; the bar starts anew."""
        self._finish()
        self._began, self._name, self._text = time.monotonic(), f"[{number}/{total}] {name}", ""
        self._pace = Pace(self._began)
        self._task = self._bar.add_task(self._name, total=None, count="", said="")

    def step(self, done: float, total: float | None, text: str) -> None:
        """Work went on."""
        if self._task is None:
            return
        remaining = self._pace.left(done, total, time.monotonic())
        said = f"{clock(remaining)} left  {text}" if remaining else text
        self._text = text
        self._bar.update(self._task, completed=done, total=total, count=_count(done, total), said=said)

    def message(self, text: str) -> None:
        """Something worth a line of its own."""
        self._console.print(f"      {text}", markup=False)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table, such as the Pareto set."""
        self._console.print(table(columns, rows, title=title), markup=False)

    def close(self, *, finished: bool) -> None:
        """Remove the bar; a phase that did not finish leaves no line."""
        if finished:
            self._finish()
        self._bar.stop()

    def _finish(self) -> None:
        if self._task is None:
            return
        self._bar.remove_task(self._task)
        self._task = None
        self._console.print(
            f"{self._name}  {clock(time.monotonic() - self._began)}  {self._text}".rstrip(), markup=False
        )


def _count(done: float, total: float | None) -> str:
    return f"{done:g}/{total:g}" if total is not None else f"{done:g}"
