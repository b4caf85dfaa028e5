"""Where the answer errs: confusion matrix, the pairs most often taken for each other, accuracy of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archwright.report._blocks import figure, table
from archwright.report._markup import Markup, element
from archwright.report._numbers import counted
from archwright.statistics import wilson

Counts = NDArray[np.int64]
_NAMED = 25  # classes up to which every one is named and every cell is an element
_DRAWN = 300  # classes up to which the matrix is drawn
_BARS = 25
_LEVELS = 6


def counts(answers: Sequence[tuple[int, int]], classes: int) -> Counts:
    """`m[i, j]`: samples of class i that were called j; (classes, classes)."""
    matrix = np.zeros((classes, classes), dtype=np.int64)
    for label, answer in answers:
        if 0 <= label < classes and 0 <= answer < classes:
            matrix[label, answer] += 1
    return matrix


def confusion_plot(matrix: Counts, names: Sequence[str]) -> Markup | None:
    """Rows are true classes, columns answers; colour is the share of the row. None beyond 300 classes."""
    if len(names) > _DRAWN:
        return None
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    large = len(names) > _NAMED
    picture = _levels(share) if large else _cells(matrix, share, names)
    caption = "Confusion matrix of the test part: a row for each true class, a column for each answer"
    caption += (
        f"; classes in their order, {len(names)} of them. Errors are set off, the pairs are in the table."
        if large
        else "; numbers are samples."
    )
    return figure(picture, caption, [("hit", "right"), ("miss", "wrong, darker: more of the row")])


def _cells(matrix: Counts, share: NDArray[np.float64], names: Sequence[str]) -> Markup:
    k, size = len(names), 26 if len(names) <= 12 else 19
    short = [_short(name, 11) for name in names]
    margin = 12 + 6.6 * max(map(len, short))
    drawn = []
    for i in range(k):
        middle = margin + (i + 0.5) * size + 4
        drawn.append(element("text", element("title", names[i]), short[i], x=margin - 6, y=middle, text_anchor="end"))
        turned = f"rotate(-90 {middle:.1f} {margin - 6:.1f})" if max(map(len, short)) > 2 else None
        anchor = "start" if turned else "middle"
        x = middle if turned else middle - 4
        drawn.append(element("text", short[i], x=x, y=margin - 6, text_anchor=anchor, transform=turned))
        for j in range(k):
            text = f"{counted(int(matrix[i, j]), 'sample')} of {names[i]} called {names[j]}"
            drawn.append(_cell(i, j, int(matrix[i, j]), float(share[i, j]), size, margin, text))
    extent = margin + k * size + 2
    return element("svg", drawn, viewBox=f"0 0 {extent:.0f} {extent:.0f}", role="img", aria_label="confusion matrix",
                   class_="plot matrix")  # fmt: skip


def _cell(i: int, j: int, n: int, share: float, size: int, margin: float, text: str) -> Markup:
    x, y = margin + j * size, margin + i * size
    kind = "blank" if n == 0 else "hit" if i == j else "miss"
    strength = None if n == 0 else round(0.25 + 0.75 * min(1.0, share * (1 if i == j else 4)), 2)
    square = element("rect", x=x, y=y, width=size - 1, height=size - 1, class_=kind, fill_opacity=strength)
    number = (
        element("text", n, x=x + size / 2, y=y + size / 2 + 4, text_anchor="middle", class_=f"count on-{kind}")
        if n
        else None
    )
    return element("g", element("title", text), square, number)


def _levels(share: NDArray[np.float64]) -> Markup:
    """One path for each level of colour, so that a hundred classes stay a small picture."""
    k = len(share)
    size = 360 / k
    drawn = [element("rect", x=30, y=8, width=360, height=360, class_="blank")]
    diagonal = np.eye(k, dtype=bool)
    for kind, where, factor in (("hit", diagonal, 1.0), ("miss", ~diagonal, 4.0)):
        level = np.where(where & (share > 0), np.ceil(np.minimum(1, share * factor) * _LEVELS), 0).astype(int)
        for n in range(1, _LEVELS + 1):
            squares = [
                f"M{30 + j * size:.1f} {8 + i * size:.1f}h{size:.1f}v{size:.1f}h-{size:.1f}z"
                for i, j in zip(*(axis.tolist() for axis in np.nonzero(level == n)))
            ]
            if squares:
                drawn.append(
                    element("path", d="".join(squares), class_=kind, fill_opacity=round(0.2 + 0.8 * n / _LEVELS, 2))
                )
    every = next(step for step in (10, 20, 50) if k / step <= 12 or step == 50)
    for n in range(0, k, every):
        at = (n + 0.5) * size
        drawn.append(element("text", n, x=24, y=8 + at + 4, text_anchor="end"))
        drawn.append(element("text", n, x=30 + at, y=384, text_anchor="middle"))
    return element("svg", drawn, viewBox="0 0 400 390", role="img", aria_label="confusion matrix", class_="plot matrix")


def confused(matrix: Counts, names: Sequence[str], limit: int = 8) -> Markup | None:
    """The most frequent errors as a table; None without errors."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
    pairs = [divmod(int(at), len(names)) for at in order if wrong.flat[at]]
    if not pairs:
        return None
    total = matrix.sum(1)
    rows = [[names[i], names[j], int(wrong[i, j]), f"{100 * wrong[i, j] / total[i]:.1f} %"] for i, j in pairs]
    return table(["true class", "called", "samples", "of the class"], rows, words=(0, 1))


def per_class_plot(matrix: Counts, names: Sequence[str]) -> Markup:
    """Accuracy of each class with its 95 % interval, the worst first and, of many classes, only these."""
    total = matrix.sum(1)
    share = np.divide(np.diag(matrix), total, out=np.zeros(len(names)), where=total > 0)
    order = [int(i) for i in np.argsort(share, kind="stable") if total[i]]
    shown = order[:_BARS]
    short = {i: _short(names[i], 14) for i in shown}
    left = 10 + 6.6 * max([3, *(len(s) for s in short.values())])
    drawn = [_bar(n, short[i], names[i], int(matrix[i, i]), int(total[i]), left) for n, i in enumerate(shown)]
    height = 18 * len(shown) + 6
    picture = element("svg", drawn, viewBox=f"0 0 400 {height}", role="img", aria_label="accuracy of each class",
                      class_="plot")  # fmt: skip
    rest = f" The worst {len(shown)} of {len(order)} classes." if len(shown) < len(order) else ""
    return figure(picture, f"Accuracy of each class on the test part, with 95 % intervals, worst first.{rest}")


def _bar(n: int, short: str, name: str, right: int, total: int, left: float) -> Markup:
    share = right / total
    low, high = wilson(share, total)
    y, reach = 18 * n + 4, 400 - left - 60
    middle = y + 7
    text = f"{name}: {right} of {counted(total, 'sample')} right, 95 % interval {100 * low:.1f} to {100 * high:.1f} %"
    return element(
        "g",
        element("title", text),
        element("text", short, x=left - 6, y=y + 11, text_anchor="end"),
        element("rect", x=left, y=y, width=reach, height=13, class_="blank"),
        element("rect", x=left, y=y, width=reach * share, height=13, class_="hit", fill_opacity=0.85),
        element("path", d=f"M{left + reach * low:.1f} {middle}H{left + reach * high:.1f}", class_="whisker"),
        element("text", f"{100 * share:.1f} %", x=398, y=y + 11, text_anchor="end"),
    )


def _short(name: str, length: int) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"
