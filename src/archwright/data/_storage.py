"""Where named data sets are looked for, and where downloads go."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from archwright.errors import UserError

VARIABLE = "ARCHWRIGHT_DATA"


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/archwright`, or `~/.cache/archwright`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "archwright"


def data_folders(root: Path | None) -> list[Path]:
    """Folders to look in, best first: `root` alone if given, otherwise `$ARCHWRIGHT_DATA` and the cache folder.
    Downloads go into the first."""
    if root is not None:
        return [root]
    named = os.environ.get(VARIABLE)
    return [Path(named).expanduser(), cache_folder()] if named else [cache_folder()]


def not_found(name: str, looked: Sequence[Path], reason: str, advice: str = "") -> UserError:
    """The error for a data set that is neither here nor to be had."""
    places = ", ".join(map(str, looked))
    return UserError(
        f"data set {name!r} is not in {places}, and {reason}; "
        f"set {VARIABLE} to a folder that holds it, or go online{advice}"
    )
