"""Who listens to a run."""

from __future__ import annotations

from collections.abc import Sequence


class Progress:
    """Hears what a run does; this one keeps quiet. The command line shows it."""

    def phase(self, name: str, number: int, total: int) -> None:
        """Phase `number` (from 1) of `total` begins."""

    def step(self, done: float, total: float | None, text: str) -> None:
        """`done` of `total` units of the phase (None: not known) are done; `text` says how it goes."""

    def message(self, text: str) -> None:
        """One line worth keeping."""

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A small table worth keeping."""
