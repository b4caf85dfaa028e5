"""Results on disk, so that an evaluation that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, final

from archwright.errors import UserError


@final
class Journal:
    """Results by name, one JSON line each, added by any number of processes.

    A line is written in one piece to the end of the file. What a killed process left unfinished is skipped. Of two
    lines about the same the later one counts.

    Args:
        path: of the file; None: nothing is kept.
        fields: what a line has to have beside `about` and `key`; others are skipped.
    """

    def __init__(self, path: Path | None, fields: tuple[str, ...] = ("score", "seconds")) -> None:
        self._path = path
        self._fields = {"about", "key", *fields}
        self._known = {(line["about"], line["key"]): line for line in self._lines()}

    def _lines(self) -> Iterator[dict[str, Any]]:
        if self._path is None or not self._path.is_file():
            return
        for text in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and self._fields <= line.keys():
                yield line

    def get(self, about: str, key: str) -> dict[str, Any] | None:
        """The line, if there is one.

        Args:
            about: what fixes a result beside its key.
            key: of the architecture, or the seed of a run.
        """
        return self._known.get((about, key))

    def add(self, about: str, key: str, **values: Any) -> None:
        """Keep a result, as values that JSON has.

        Raises:
            UserError: the file cannot be written.
        """
        line: Mapping[str, Any] = {"about": about, "key": key, **values}
        self._known[about, key] = dict(line)
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
