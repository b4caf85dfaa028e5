"""Times for people."""

from __future__ import annotations

_INSTANT = 1e-3  # seconds a step; anything faster was stored


def clock(seconds: float) -> str:
    """`0:07`, `12:30`, `1:05:00`."""
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


class Pace:
    """How long the rest will take, told by the steps of this process alone.

    A continued run first tells its stored steps again, within no time; they say nothing about the pace.

    Args:
        now: time of the start, in seconds.
    """

    def __init__(self, now: float) -> None:
        self._start = self._last = now
        self._base = self._done = 0.0

    def left(self, done: float, total: float | None, now: float) -> float | None:
        """Seconds that remain if the rest goes like the part done; None while that cannot be told.

        Args:
            done: steps finished.
            total: steps in all, None if not known.
            now: time, in seconds.
        """
        if now - self._last < _INSTANT * (done - self._done):
            self._base, self._start = done, now
        self._last, self._done = now, done
        if total is None or done <= self._base or now <= self._start:
            return None
        return max(0.0, (now - self._start) / (done - self._base) * (total - done))
