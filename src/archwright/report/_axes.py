"""A coordinate system in SVG: scales, ticks, and the marks that go on it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Literal

from archwright.report._markup import Markup, element
from archwright.report._numbers import tick

Point = tuple[float, float, str]  # x, y and what a pointer over it shows
WIDTH = 400
_MANY = 400
_TINY, _HUGE = 1e-100, 1e100  # beyond these, differences and quotients of floats are no longer numbers
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 8, 38


@dataclasses.dataclass(frozen=True)
class Scale:
    """Maps [low, high] to [start, stop] in user units; what lies outside is drawn at the edge."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    @classmethod
    def of(
        cls, values: Iterable[float], start: float, stop: float, *, log: bool | None = False, margin: float = 0.06
    ) -> Scale:
        """A scale with some margin around the finite ones of `values`; `log=None` decides by their range."""
        finite = [v for v in values if abs(v) < _HUGE] or [0.0, 1.0]
        low, high = min(finite), max(finite)
        if low > _TINY and (log or (log is None and high / low > 30)):
            room = max(1.05, (high / low) ** margin)
            return cls(low / room, high * room, start, stop, True)
        room = (high - low) * margin
        if room < max(_TINY, 1e-9 * abs(high)):
            room = abs(high) * 0.1 if abs(high) > _TINY else 1.0
        return cls(low - room, high + room, start, stop)

    def __call__(self, value: float) -> float:
        low, high, value = (math.log(max(v, 1e-300)) if self.log else v for v in (self.low, self.high, value))
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        return self.start + share * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Round values inside, four to eight of them."""
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps, every = (1, 2, 5) if len(decades) < 5 else (1,), -(-len(decades) // 8)
            return [s * 10.0**d for d in decades[::every] for s in steps if self.low <= s * 10.0**d <= self.high]
        raw = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(s * power for s in (1, 2, 5, 10) if s * power >= raw * 0.999)
        first = math.ceil(self.low / step)
        return [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]


class Axes:
    """A frame for marks; y grows upwards.

    Args:
        xs, ys: values that have to fit in.
        x_label, y_label: below and above the frame.
        height: of the whole, in user units; the width is 400.
        log_x: logarithmic x; None decides by the range of `xs`.
        whole: ticks of x at whole numbers only.
    """

    def __init__(
        self,
        xs: Iterable[float],
        ys: Iterable[float],
        *,
        x_label: str,
        y_label: str,
        height: int = 250,
        log_x: bool | None = False,
        whole: bool = False,
    ) -> None:
        self.x_label, self.y_label, self.height, self.whole = x_label, y_label, height, whole
        self.x = Scale.of(xs, _LEFT, WIDTH - _RIGHT, log=log_x, margin=0.03)
        self.y = Scale.of(ys, height - _BOTTOM, _TOP + 16)

    def dots(self, points: Sequence[Point], css: str, radius: float = 3.0) -> list[Markup]:
        """A circle for each point; a point below the frame is a triangle at its edge.

        More than 400 points are one path, without what a pointer over each shows.
        """
        drawn = [(x, y, text) for x, y, text in points if abs(x) < _HUGE and abs(y) < _HUGE]
        if len(drawn) <= _MANY:
            return [self._dot(x, y, text, css, radius) for x, y, text in drawn]
        specks = "".join(f"M{self.x(x):.1f} {self.y(y):.1f}h0" for x, y, _ in drawn)
        return [element("path", d=specks, class_=f"specks {css}")]

    def _dot(self, x: float, y: float, text: str, css: str, radius: float) -> Markup:
        cx, cy = self.x(x), self.y(y)
        title = element("title", text)
        if y < self.y.low:
            shape = f"M{cx - radius:.1f} {cy - 2 * radius:.1f}h{2 * radius:.1f}l{-radius:.1f} {2 * radius:.1f}z"
            return element("path", title, d=shape, class_=css)
        return element("circle", title, cx=round(cx, 1), cy=round(cy, 1), r=radius, class_=css)

    def line(self, points: Sequence[tuple[float, float]], css: str, step: Literal["", "hv", "vh"] = "") -> Markup:
        """A polyline; as steps it goes horizontally or vertically first."""
        at = [(self.x(x), self.y(y)) for x, y in points if abs(x) < _HUGE and abs(y) < _HUGE]
        if not at:
            return Markup("")
        corners = [f"M{at[0][0]:.1f} {at[0][1]:.1f}"]
        for x1, y1 in at[1:]:
            if step:
                corners.append(f"H{x1:.1f}V{y1:.1f}" if step == "hv" else f"V{y1:.1f}H{x1:.1f}")
            else:
                corners.append(f"L{x1:.1f} {y1:.1f}")
        return element("path", d="".join(corners), class_=f"line {css}")

    def band(self, points: Sequence[tuple[float, float, float]], css: str) -> Markup:
        """The area between two step functions: x, lower and upper y, each held until the next x."""
        if not points:
            return Markup("")
        upper = [(self.x(x), self.y(high)) for x, _, high in points]
        lower = [(self.x(x), self.y(low)) for x, low, _ in points]
        there = "".join(f"H{x:.1f}V{y:.1f}" for x, y in upper)
        back = "".join(f"V{y:.1f}H{x:.1f}" for x, y in reversed(lower))
        return element("path", d=f"M{upper[0][0]:.1f} {upper[0][1]:.1f}{there}{back}Z", class_=f"band {css}")

    def limit(self, x: float, text: str) -> list[Markup]:
        """A vertical line with a label above it."""
        if not math.isfinite(x):
            return []
        at, right = self.x(x), self.x(x) > WIDTH / 2
        place = min(WIDTH - _RIGHT, at + 20) if right else max(130.0, at - 20)  # clear of the name of y
        return [
            element("path", d=f"M{at:.1f} {_TOP + 8}V{self.height - _BOTTOM}", class_="line limit"),
            element("text", text, class_="limit-label", x=place, y=_TOP + 3, text_anchor="end" if right else "start"),
        ]

    def clipped(self, ys: Iterable[float]) -> str:
        """A sentence for the caption when some of `ys` lie below the frame."""
        return " Triangles: below the frame." if any(y < self.y.low for y in ys) else ""

    def svg(self, *marks: Iterable[Markup], label: str) -> Markup:
        """The picture.

        Args:
            marks: drawn over the grid in this order.
            label: what a screen reader says.
        """
        return element(
            "svg",
            self._grid(),
            marks,
            viewBox=f"0 0 {WIDTH} {self.height}",
            role="img",
            aria_label=label,
            class_="plot",
        )

    def _grid(self) -> list[Markup]:
        bottom, right = self.height - _BOTTOM, WIDTH - _RIGHT
        drawn = [element("path", d=f"M{_LEFT} {self.y(v):.1f}H{right}", class_="grid") for v in self.y.ticks()] + [
            element("path", d=f"M{_LEFT} {bottom}H{right}", class_="axis")
        ]
        for value in self.y.ticks():
            drawn.append(element("text", tick(value), x=_LEFT - 6, y=self.y(value) + 3.5, text_anchor="end"))
        for value in self.x.ticks():
            if not (self.whole and value % 1):
                drawn.append(element("path", d=f"M{self.x(value):.1f} {bottom}v4", class_="axis"))
                drawn.append(element("text", tick(value), x=self.x(value), y=bottom + 16, text_anchor="middle"))
        middle = (_LEFT + right) / 2
        drawn.append(element("text", self.x_label, x=middle, y=self.height - 4, text_anchor="middle", class_="name"))
        drawn.append(element("text", self.y_label, x=2, y=_TOP + 3, class_="name"))
        return drawn
