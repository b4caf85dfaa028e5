"""The library's log messages as lines on standard error."""

from __future__ import annotations

import logging
import sys


class _Handler(logging.Handler):
    """Writes to whatever standard error is now, so that a progress bar can step aside."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line: `archwright: warning: ...`."""
        print(f"archwright: {record.levelname.lower()}: {record.getMessage()}", file=sys.stderr)


def show_warnings() -> None:
    """From now on warnings of archwright are shown, once each line."""
    logger = logging.getLogger("archwright")
    if not any(isinstance(handler, _Handler) for handler in logger.handlers):
        logger.addHandler(_Handler(logging.WARNING))
