"""Values and tables as text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def cell(value: Any) -> str:
    """A value for people: `38,914`, `99.07`, `-` for nothing."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and 1e3 <= abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    return str(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> str:
    """Aligned columns, numbers to the right.

    Args:
        columns: headings.
        rows: one value a column each.
        title: line above.
    """
    texts = [list(columns), *([cell(value) for value in row] for row in rows)]
    widths = [max(len(line[i]) for line in texts) for i in range(len(columns))]
    right = [bool(rows) and all(isinstance(r[i], int | float | None) for r in rows) for i in range(len(columns))]
    lines = ["  ".join(t.rjust(w) if r else t.ljust(w) for t, w, r in zip(line, widths, right)) for line in texts]
    return "\n".join([*([title] if title else []), *(line.rstrip() for line in lines)])


def as_json(value: Any) -> str:
    """For machines: indented JSON that keeps every digit."""
    return json.dumps(value, indent=2, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    return str(value)
