"""The folder of a run: who may write in it, and how."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archwright.errors import ArchwrightError, UserError


class Folder:
    """Paths of a run, atomic writes, one writer at a time.

    Args:
        path: folder of the run; made if missing.

    Raises:
        UserError: it cannot be made or written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            (self.path / "checkpoints").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot use {self.path} as run folder: {error.strerror or error}") from error

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def write(self, name: str, text: str) -> Path:
        """Write a text file at once: readers see the old or the new one."""
        target = self.path / name
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(target)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise ArchwrightError(f"cannot write {target}: {error.strerror or error}") from error
        return target

    def write_json(self, name: str, value: Mapping[str, Any]) -> Path:
        """Write a JSON file at once."""
        return self.write(name, json.dumps(value, indent=2, default=str) + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the run, or an empty mapping if there is none yet.

        Raises:
            ArchwrightError: not JSON.
        """
        path = self.path / name
        if not path.exists():
            return {}
        try:
            value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ArchwrightError(f"cannot read {path}: {error}") from error
        return value

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Only one process works in the folder at a time.

        Raises:
            UserError: another process does.
        """
        try:
            import fcntl
        except ImportError:  # no advisory locks on this platform
            yield
            return
        try:
            lock = (self.path / ".lock").open("w")
        except OSError as error:
            raise UserError(f"cannot write in {self.path}: {error.strerror or error}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UserError(
                    f"another process is working in {self.path}; wait for it or choose another --out"
                ) from None
            yield
