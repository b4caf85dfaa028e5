"""A search by gradient: how the architecture parameters moved, and signs of collapse."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archwright.report._axes import Axes
from archwright.report._blocks import Key, figure, note, paragraph, table
from archwright.report._markup import Markup, element
from archwright.report._numbers import counted, digits

_LINES = 4  # options drawn of a variable
_VARIABLES = 12  # drawn
_MEASURED = {
    "accuracy": "accuracy of the mixture, %",
    "skip_share": "share of skip connections",
    "eigenvalue": "dominant eigenvalue of the validation loss",
    "options": "options left",
}


def gradient(history: Sequence[Mapping[str, Any]]) -> Iterator[Markup]:
    """The probabilities over the search as figures, and what was measured at its start, middle and end.

    Args:
        history: after every epoch `progress`, `probabilities` (variable to option to value) and measurements.
    """
    if not history:
        yield paragraph("The search by gradient left no history.")
        return
    yield paragraph(
        f"A mixture of all options was trained; the probabilities were kept after {counted(len(history), 'epoch')}."
    )
    last = history[-1]["probabilities"]
    moved = sorted(last, key=lambda name: -max(last[name].values(), default=0.0))[:_VARIABLES]
    yield element("div", [_variable(history, name) for name in moved], class_="pair")
    if len(moved) < len(last):
        yield note(
            f"Drawn are the {len(moved)} most decided of {len(last)} choices, of each the {_LINES} likeliest options."
        )
    known = [name for name in _MEASURED if any(name in entry for entry in history)]
    rows = [
        [f"epoch {n + 1}", *(digits(float(history[n].get(name, math.nan)), 3) for name in known)]
        for n in sorted({0, len(history) // 2, len(history) - 1})
    ]
    yield table(["after", *(_MEASURED[name] for name in known)], rows)
    yield note(
        "More and more skip connections together with a rising eigenvalue are how a differentiable search collapses ",
        "(Zela et al. 2020).",
    )


def _variable(history: Sequence[Mapping[str, Any]], name: str) -> Markup:
    """One choice: its likeliest options by epoch."""
    final = _options(history, name)
    shown = sorted(final, key=lambda option: -final[option])[:_LINES]
    axes = Axes([0.0, float(len(history))], [0.0, 1.0], x_label="epoch", y_label="probability", whole=True)
    marks, keys = [], list[Key]()
    for n, option in enumerate(shown):
        values = [entry["probabilities"].get(name, {}).get(option, 0.0) for entry in history]
        line = [(float(epoch), float(value)) for epoch, value in enumerate(values, 1)]
        marks.append([axes.line(line, f"series-{n}")])
        keys.append((f"line series-{n}", option))
    return figure(axes.svg(*marks, label=f"probabilities of {name}"), name, keys)


def _options(history: Sequence[Mapping[str, Any]], name: str) -> dict[str, float]:
    """Option to last known probability, of all that were ever there."""
    found: dict[str, float] = {}
    for entry in history:
        found = {**dict.fromkeys(found, 0.0), **entry["probabilities"].get(name, {})}
    return found
