"""Times for people."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """`0:07`, `12:30`, `1:05:00`."""
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def left(done: float, total: float | None, seconds: float) -> float | None:
    """Seconds that remain if the rest goes like the part done; None while that cannot be told.

    Args:
        done: steps finished.
        total: steps in all, None if not known.
        seconds: time for the part done.
    """
    if total is None or done <= 0 or seconds <= 0:
        return None
    return max(0.0, seconds / done * (total - done))
