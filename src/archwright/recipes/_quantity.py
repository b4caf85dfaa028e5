"""`4MB`, `150k`, `15ms`: amounts as people write them."""

from __future__ import annotations

import math
import re

from archwright.errors import UserError

_COUNT = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9, "t": 1e12}
_BYTES = {
    "": 1.0, "b": 1.0, "k": 1e3, "kb": 1e3, "kib": 2.0**10, "m": 1e6, "mb": 1e6, "mib": 2.0**20,
    "g": 1e9, "gb": 1e9, "gib": 2.0**30,
}  # fmt: skip
_MILLISECONDS = {"": 1.0, "us": 1e-3, "ms": 1.0, "s": 1e3}
_UNITS = {"size": _BYTES, "memory": _BYTES, "latency_ms": _MILLISECONDS}
_SHOWN = {"size": "4MB or 512KiB", "memory": "4MB or 512KiB", "latency_ms": "15 or 15ms"}


def quantity(text: str | float, metric: str) -> float:
    """An upper bound as a number: bytes for `size` and `memory`, milliseconds for `latency_ms`, a count for all others.

    Args:
        text: a number, or text such as `150k`, `1.5M` (counts: k, M, G or B, T), `4MB`, `512KiB` (bytes), `15ms`.
        metric: what is bounded; decides how units are read.

    Raises:
        UserError: not a finite number above 0, or a unit that does not fit the metric.
    """
    kind = metric.partition(":")[0]  # the rest names a device
    units = _UNITS.get(kind, _COUNT)
    match = re.fullmatch(r"\s*([0-9_.]+(?:[eE][-+]?[0-9]+)?)\s*([a-zA-Z]*)\s*", str(text))
    try:
        value = float(match[1]) * units[match[2].lower()] if match else math.nan
    except (KeyError, ValueError):
        value = math.nan
    if isinstance(text, bool) or not 0 < value < math.inf:
        example = _SHOWN.get(kind, "150k or 1.5M")
        raise UserError(f"a limit of {metric} is a number above 0 like {example}, got {text!r}")
    return value
