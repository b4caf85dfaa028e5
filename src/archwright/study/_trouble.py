"""What goes wrong with databases, as one line."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import sqlalchemy.exc
from optuna.exceptions import OptunaError

from archwright.errors import ArchwrightError

_TROUBLE = (sqlalchemy.exc.SQLAlchemyError, sqlite3.Error, OptunaError, OSError, RuntimeError, ImportError)
_DRIVER = "; install the driver (PostgreSQL: pip install 'archwright[postgres]', postgresql+psycopg://...)"


@contextlib.contextmanager
def explained(action: str, where: str) -> Iterator[None]:
    """Errors of the database become `"cannot <action> study storage <where>: <first cause>"`.

    Raises:
        ArchwrightError: in their place; they are its cause.
    """
    try:
        yield
    except _TROUBLE as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = str(cause).strip().split("\n", 1)[0] + (_DRIVER if isinstance(cause, ImportError) else "")
        raise ArchwrightError(f"cannot {action} study storage {where}: {reason}") from error
