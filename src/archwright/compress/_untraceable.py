"""Why `torch.export` stops, without what it prints meanwhile."""

from __future__ import annotations

import contextlib
import io
import logging
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch

_TORCH = str(Path(torch.__file__).parent)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What runs in it neither logs, warns nor writes to the standard error."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="ignore"), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def reason(error: Exception) -> str:
    """What stopped the trace, and at which line of the user's code, in one line; called where it was caught."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is the caller
    own = [f for f in frames if not f.filename.startswith((_TORCH, "<"))]
    if own:
        place = f'File "{own[-1].filename}", line {own[-1].lineno}, in {own[-1].name}: {own[-1].line}'
    else:
        named = (line for line in reversed(lines) if line.startswith("File ") and _TORCH not in line)
        place = next(named, "")
    return " ".join(filter(None, [lines[0] if lines else type(error).__name__, place and f"({place})"]))
