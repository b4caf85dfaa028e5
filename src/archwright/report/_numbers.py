"""Numbers for people: each metric in its unit, with as many digits as mean something."""

from __future__ import annotations

import math

_LABELS = {
    "params": "parameters",
    "flops": "FLOPs",
    "latency_ms": "latency",
    "predicted_latency_ms": "predicted latency",
    "size": "file size",
    "memory": "peak memory",
    "loss": "loss (nats)",
    "accuracy": "accuracy",
}
_BYTES = ("size", "memory")
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
NONE = "–"


def label(metric: str) -> str:
    """What a metric is called in a sentence."""
    return _LABELS.get(metric, metric.replace("_", " "))


def axis(metric: str) -> str:
    """What a metric is called beside an axis, with its unit."""
    unit = "%" if metric == "accuracy" else "ms" if metric.endswith("_ms") else "bytes" if metric in _BYTES else ""
    return f"{label(metric)}, {unit}" if unit else label(metric)


def amount(value: object, metric: str = "") -> str:
    """`97.41 %`, `20,534`, `1.24 M`, `99.3 kB`, `0.0404 ms`; a dash where there is no number."""
    if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if metric == "accuracy" or metric.endswith("_accuracy"):
        return f"{value:.2f} %"
    if metric.endswith("_ms"):
        return f"{digits(value)} ms"
    if metric in _BYTES:
        return f"{prefixed(value, above=1e3)}B"
    if metric == "params":
        return whole(value)
    if metric == "flops":
        return prefixed(value, above=1e6).strip()
    return whole(value) if isinstance(value, int) else digits(value, 4)


def whole(value: float) -> str:
    """`20,534`; powers of ten beyond 10¹⁵."""
    return (
        f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.3g}" if value < 1e300 else f"1e{len(str(int(value))) - 1}"
    )


def digits(value: float, significant: int = 3) -> str:
    """A number with that many digits, in plain notation where it is readable."""
    if value and not 1e-4 <= abs(value) < 1e7:
        return f"{value:.{significant}g}"
    places = significant - 1 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{max(0, places)}f}"


def prefixed(value: float, *, above: float = 1e4, significant: int = 3) -> str:
    """`1.24 M`: with a metric prefix from `above` on, and a space behind the number."""
    for scale, prefix in _PREFIXES:
        if abs(value) >= max(scale, above):
            return f"{digits(value / scale, significant)} {prefix}"
    return f"{digits(value, significant) if value % 1 else whole(value)} "


def tick(value: float) -> str:
    """A number beside an axis: `150k`, `0.05`."""
    for scale, prefix in _PREFIXES:
        if abs(value) >= scale:
            return f"{value / scale:g}{prefix}"
    return f"{value:.6g}"


def duration(seconds: object) -> str:
    """`0.4 s`, `7 s`, `12 min 30 s`, `1 h 05 min`."""
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return NONE
    if seconds < 9.95:
        return f"{seconds:.1f} s" if seconds >= 0.05 else f"{1000 * seconds:.0f} ms"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def counted(n: int, noun: str) -> str:
    """`1 candidate`, `3 candidates`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
