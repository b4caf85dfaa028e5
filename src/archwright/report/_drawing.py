"""A directed graph as boxes and arrows from left to right, layer by layer (Sugiyama, Tagawa and Toda 1981)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from archwright.report._markup import Markup, element

_LINE, _PAD, _GAP_X, _GAP_Y, _CHARACTER = 17, 9, 30, 14, 7.2


@dataclasses.dataclass(eq=False)
class _Box:
    lines: list[str]  # none: a point on the way of a long arrow
    layer: int = 0
    x: float = 0.0
    y: float = 0.0  # of the centre
    before: list[_Box] = dataclasses.field(default_factory=list)
    after: list[_Box] = dataclasses.field(default_factory=list)

    @property
    def width(self) -> float:
        return max(map(len, self.lines)) * _CHARACTER + 2 * _PAD if self.lines else 0.0

    @property
    def height(self) -> float:
        return len(self.lines) * _LINE + 2 * _PAD - 4 if self.lines else 4.0


def drawing(labels: Sequence[Sequence[str]], edges: Sequence[Sequence[int]], *, label: str) -> Markup:
    """The picture of an acyclic graph; edges that close a cycle are left out.

    Args:
        labels: lines of text in each node.
        edges: pairs of positions in `labels`.
        label: what a screen reader says.
    """
    boxes = [_Box([_short(line) for line in lines] or [""]) for lines in labels]
    for a, b in edges:
        if a != b and not _reaches(boxes[b], boxes[a]):
            boxes[a].after.append(boxes[b])
            boxes[b].before.append(boxes[a])
    top, width, drawn = 2.0, 0.0, []
    for part in _parts(boxes):
        layers = _layers(part)
        _order(layers)
        right, bottom = _place(layers, top)
        drawn += [_arrow(box, after) for box in part if box.lines for after in box.after]
        drawn += [
            _arrow(point, after) for layer in layers for point in layer if not point.lines for after in point.after
        ]
        drawn += [_picture(box) for box in part]
        top, width = bottom + 2 * _GAP_Y, max(width, right)
    height = top - 2 * _GAP_Y + 2
    return element(
        "svg", drawn, viewBox=f"0 0 {width + 2:.0f} {height:.0f}", width=round(width + 2), height=round(height),
        role="img", aria_label=label, class_="drawing",
    )  # fmt: skip


def graph_of(architecture: Mapping[str, Any], graph: Mapping[str, Any]) -> tuple[list[list[str]], list[list[int]]]:
    """Nodes and edges to draw; the plain chain of all variables becomes a chain of what they belong to.

    Args:
        architecture: variable to value.
        graph: `nodes` (labels) and `edges` (pairs of positions); empty if the space has none of its own.
    """
    nodes, edges = list(map(str, graph.get("nodes", ()))), [list(edge) for edge in graph.get("edges", ())]
    chain = ["input", *(f"{name}={value}" for name, value in architecture.items()), "output"]
    if nodes and nodes != chain:
        return [node.split("\n") for node in nodes], edges
    groups: dict[str, list[str]] = {}
    for name, value in architecture.items():
        owner, _, what = name.rpartition(".")
        groups.setdefault(owner or name, []).append(f"{what} {value}" if owner else str(value))
    lines = [["input"], *([owner, *values] for owner, values in groups.items()), ["output"]]
    return lines, [[n, n + 1] for n in range(len(lines) - 1)]


def _short(line: str) -> str:
    return line if len(line) <= 28 else line[:27] + "…"


def _reaches(start: _Box, goal: _Box) -> bool:
    seen, todo = {start}, [start]
    while todo:
        box = todo.pop()
        if box is goal:
            return True
        new = [after for after in box.after if after not in seen]
        seen.update(new)
        todo += new
    return False


def _parts(boxes: Sequence[_Box]) -> list[list[_Box]]:
    """Connected parts, each in the order of `boxes`."""
    part: dict[_Box, int] = {}
    for number, start in enumerate(boxes):
        todo = [start] if start not in part else []
        while todo:
            box = todo.pop()
            if box not in part:
                part[box] = number
                todo += box.before + box.after
    numbers = dict.fromkeys(part[box] for box in boxes)
    return [[box for box in boxes if part[box] == number] for number in numbers]


def _layers(part: Sequence[_Box]) -> list[list[_Box]]:
    """Boxes by the longest way to them; arrows over several layers get a point in each layer between."""
    waiting = {box: len(box.before) for box in part}
    ready = [box for box in part if not waiting[box]]
    for box in ready:
        for after in box.after:
            after.layer = max(after.layer, box.layer + 1)
            waiting[after] -= 1
            if not waiting[after]:
                ready.append(after)
    layers: list[list[_Box]] = [[] for _ in range(max(box.layer for box in part) + 1)]
    for box in part:
        layers[box.layer].append(box)
    for box in part:
        box.after = [_bridged(box, after, layers) for after in box.after]
    return layers


def _bridged(start: _Box, goal: _Box, layers: list[list[_Box]]) -> _Box:
    """The next stop on the way from `start` to `goal`."""
    if goal.layer == start.layer + 1:
        return goal
    point = _Box([], start.layer + 1, before=[start])
    layers[point.layer].append(point)
    goal.before[goal.before.index(start)] = point
    point.after = [_bridged(point, goal, layers)]
    return point


def _order(layers: Sequence[list[_Box]]) -> None:
    """Fewer crossings: each box near the middle of its neighbours, forwards and backwards a few times."""
    for sweep in range(6):
        forward = sweep % 2 == 0
        for layer in layers if forward else reversed(layers):
            at = {box: n for other in layers for n, box in enumerate(other)}
            near = {box: [at[b] for b in (box.before if forward else box.after)] or [at[box]] for box in layer}
            layer.sort(key=lambda box: (sum(near[box]) / len(near[box]), at[box]))


def _place(layers: Sequence[Sequence[_Box]], top: float) -> tuple[float, float]:
    """Give every box its place below `top`; the right and the lower end."""
    heights = [sum(box.height for box in layer) + _GAP_Y * (len(layer) - 1) for layer in layers]
    x = 2.0
    for layer, height in zip(layers, heights):
        width, y = max(box.width for box in layer), top + (max(heights) - height) / 2
        for box in layer:
            box.x, box.y = x + (width - box.width) / 2, y + box.height / 2
            y += box.height + _GAP_Y
        x += width + _GAP_X
    return x - _GAP_X, top + max(heights)


def _arrow(start: _Box, goal: _Box) -> Markup:
    x0, x1 = start.x + start.width, goal.x
    middle = (x0 + x1) / 2
    head = (
        f"M{x1 - 6:.1f} {goal.y - 3.5:.1f}L{x1:.1f} {goal.y:.1f}L{x1 - 6:.1f} {goal.y + 3.5:.1f}" if goal.lines else ""
    )
    curve = f"M{x0:.1f} {start.y:.1f}C{middle:.1f} {start.y:.1f} {middle:.1f} {goal.y:.1f} {x1:.1f} {goal.y:.1f}"
    return element("path", d=curve + head, class_="arrow")


def _picture(box: _Box) -> Markup:
    end = box.lines in (["input"], ["output"])
    top = box.y - box.height / 2
    frame = element(
        "rect", x=box.x, y=top, width=box.width, height=box.height, rx=6, class_="box end" if end else "box"
    )
    text = [
        element("text", line, x=box.x + box.width / 2, y=top + _PAD + 11 + n * _LINE, text_anchor="middle",
                class_="owner" if n == 0 and len(box.lines) > 1 else None)
        for n, line in enumerate(box.lines)
    ]  # fmt: skip
    return element("g", frame, text)
