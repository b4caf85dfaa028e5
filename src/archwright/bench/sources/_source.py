"""`TableSource`: the published files behind one compact table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Original:
    """A file as its publisher offers it.

    Args:
        url: address that always gives the same bytes: of a commit or a release.
        sha256: of those bytes.
    """

    url: str
    sha256: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableSource:
    """How a compact table is made.

    Args:
        originals: published files by the short names that `convert` knows them by.
        convert: the arrays of the compact table from the paths of those files.
    """

    originals: Mapping[str, Original]
    convert: Callable[[Mapping[str, Path]], dict[str, NDArray[Any]]]


def github(repository: str, commit: str, files: Mapping[str, str]) -> dict[str, Original]:
    """Files of a repository at one commit: path to sha256."""
    base = f"https://raw.githubusercontent.com/{repository}/{commit}"
    return {path: Original(f"{base}/{path}", sha256) for path, sha256 in files.items()}
