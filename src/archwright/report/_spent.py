"""Part 5: what the run cost."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from archwright.report._blocks import paragraph, section, strong, table
from archwright.report._facts import Facts
from archwright.report._markup import Markup, element
from archwright.report._numbers import counted, duration


def spent(facts: Facts) -> Markup:
    """The fifth part of the page."""
    return section(5, "What it cost", paragraph(_counts(facts)), *_phases(facts))


def _counts(facts: Facts) -> Iterator[object]:
    judged = [t.seconds for t in facts.trials if t.state == "complete"]
    yield strong(counted(len(facts.trials), "candidate"))
    yield f", {len(judged)} of them judged"
    if judged:
        yield f" in {duration(sum(judged))}, {duration(statistics.median(judged))} each (median)"
    for key, what in (("supernet", "the supernet"), ("training", "the chosen network")):
        epochs = (facts.result.get(key) or {}).get("epochs")
        if epochs:
            yield f"; {counted(epochs, 'epoch')} of {what}"
            yield ", twice: the second time with the validation part" * bool((facts.result.get(key) or {}).get("refit"))
    yield "."
    if facts.baseline:
        seconds = sum(t.seconds for t in facts.baseline)
        yield f" Random search for comparison: {counted(len(facts.baseline), 'candidate')} in {duration(seconds)}."


def _phases(facts: Facts) -> Iterator[Markup]:
    phases = facts.result.get("seconds_by_phase") or {}
    total = sum(phases.values())
    rows = [
        [
            name.lstrip("0123456789 "),
            duration(seconds),
            f"{100 * seconds / (total or 1):.0f} %",
            _bar(seconds / (total or 1)),
        ]
        for name, seconds in phases.items()
    ]
    yield table(
        ["phase", "time", "share", ""], [*rows, [strong("in all"), strong(duration(total)), "", ""]], css="phases"
    )


def _bar(share: float) -> Markup:
    return element(
        "svg",
        element("rect", x=0, y=2, width=100.0 * share, height=8, class_="hit"),
        viewBox="0 0 100 12", class_="bar", role="img", aria_label=f"{100 * share:.0f} %",
    )  # fmt: skip
