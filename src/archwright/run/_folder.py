"""The folder of a run: who may write in it, and how."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from archwright.errors import ArchwrightError, UserError

_TEMPORARY = (".*.tmp", ".split.npz.*")  # names of files that are being written, here and in checkpoints/


class Folder:
    """Paths of a run, atomic writes, one writer at a time.

    Args:
        path: folder of the run.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

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
            ArchwrightError: not JSON, or not a mapping.
        """
        path = self.path / name
        if not path.exists():
            return {}
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self.damaged(name, str(error)) from error
        if not isinstance(value, dict):
            raise self.damaged(name, f"expected a mapping, got {value!r:.40}")
        return value

    def read_config(self) -> dict[str, Any]:
        """`config.yaml`, or an empty mapping if there is none yet.

        Raises:
            ArchwrightError: not YAML, or not a mapping.
        """
        path = self.path / "config.yaml"
        if not path.exists():
            return {}
        try:
            value = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise ArchwrightError(f"cannot read {path}: {' '.join(str(error).split())}") from error
        if not isinstance(value, dict) or not value:
            raise ArchwrightError(f"cannot read {path}: expected a mapping, got {value!r:.40}")
        return value

    def damaged(self, name: str, reason: str) -> ArchwrightError:
        """What to raise about a file of the run that does not hold what was written there."""
        return ArchwrightError(f"cannot read {self.path / name}: {reason}; delete it and run again")

    @contextmanager
    def owned(self) -> Iterator[None]:
        """One process at a time works in the folder, made if missing. What dead ones were writing is cleared away.

        Raises:
            UserError: another process does, or the folder cannot be made or written.
            ArchwrightError: the file system fails later.
        """
        with self._locked():
            try:
                self._tidy()
                yield
            except OSError as error:
                raise ArchwrightError(f"cannot go on in {self.path}: {error}") from error

    def _tidy(self) -> None:
        for place in (self.path, self.path / "checkpoints"):
            for left in [path for pattern in _TEMPORARY for path in place.glob(pattern)]:
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            (self.path / "checkpoints").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot use {self.path} as run folder: {error.strerror or error}") from error
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
