"""Where the graphs come from when they are not here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from archwright.data._storage import not_found
from archwright.data.graphs._compact import Raw


def downloaded(name: str, folders: Sequence[Path]) -> Raw:
    """The graph from its public source.

    Raises:
        UserError: it is not to be had.
    """
    raise not_found(name, [folder / "graphs" for folder in folders], "it is not downloaded")
