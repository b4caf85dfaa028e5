"""Scores on disk, so that an evaluation that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

from archwright.errors import UserError


@final
class Journal:
    """Scores of architectures, one JSON line each, added by any number of processes.

    A line is written in one piece to the end of the file. What a killed process left unfinished is skipped.

    Args:
        path: of the file; None: nothing is kept.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known = {(line["about"], line["key"]): line for line in self._lines()}

    def _lines(self) -> Iterator[dict[str, Any]]:
        if self._path is None or not self._path.is_file():
            return
        for text in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and {"about", "key", "score", "seconds"} <= line.keys():
                yield line

    def get(self, about: str, key: str) -> tuple[float, float] | None:
        """Score and seconds, if they are known.

        Args:
            about: what fixes a score beside the architecture.
            key: of the architecture.
        """
        line = self._known.get((about, key))
        return None if line is None else (float(line["score"]), float(line["seconds"]))

    def add(self, about: str, key: str, score: float, seconds: float, **notes: str) -> None:
        """Keep a score; `notes` are for people who read the file.

        Raises:
            UserError: the file cannot be written.
        """
        line = {"about": about, "key": key, "score": repr(score), "seconds": seconds, **notes}
        self._known[about, key] = line
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab", buffering=0) as file:
                # a line that another process did not finish must not swallow this one
                file.write((os.linesep if self._torn() else "").encode() + json.dumps(line).encode() + b"\n")
        except OSError as error:
            raise UserError(f"{self._path} cannot be written: {error}") from error

    def _torn(self) -> bool:
        assert self._path is not None
        with self._path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            return bool(size) and (file.seek(size - 1), file.read(1))[1] != b"\n"
