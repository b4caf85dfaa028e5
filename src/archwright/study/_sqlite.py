"""SQLite files: connections that survive a kill, and one writer at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import final

from archwright.errors import ArchwrightError

_PATIENCE = 30.0  # seconds to wait for another process's transaction
# a write-ahead log: a killed process loses no finished transaction, readers do not block; one fsync per checkpoint
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")


def connector(path: Path) -> Callable[[], sqlite3.Connection]:
    """A function that opens connections to `path`, for SQLAlchemy's `creator`."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False)
        try:
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    return connect


def reader(path: Path) -> Callable[[], sqlite3.Connection]:
    """Like `connector`, for reading only: nothing is written, not even beside the file.

    Opening a write-ahead log makes files, which a read-only folder forbids; without a log nobody is writing, and the
    file can be read as it is.
    """

    def connect() -> sqlite3.Connection:
        mode = "mode=ro" if Path(f"{path}-wal").exists() else "immutable=1"
        uri = f"{path.absolute().as_uri()}?{mode}"
        return sqlite3.connect(uri, uri=True, timeout=_PATIENCE, check_same_thread=False)

    return connect


@final
class Claim:
    """While entered, no other process can claim the same SQLite file; the system drops it with the process.

    The claim is an exclusive transaction on the empty database `<path>.lock`, which works wherever SQLite does.

    Args:
        path: of the SQLite file to claim.

    Raises:
        ArchwrightError: on entering, when another one holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Claim:
        connection = sqlite3.connect(f"{self._path}.lock", timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            connection.close()
            if "locked" in str(error):
                raise ArchwrightError(f"study storage {self._path} is in use by another run") from None
            raise
        self._connection = connection
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()
