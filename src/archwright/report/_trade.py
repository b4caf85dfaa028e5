"""Part 3: the Pareto front with the limits drawn, and how fast it was found."""

from __future__ import annotations

from collections.abc import Iterator

from archwright.report._blocks import note, paragraph, section, strong, table
from archwright.report._compressed import compressed
from archwright.report._facts import Facts
from archwright.report._markup import Markup, element
from archwright.report._numbers import amount, counted, label
from archwright.report._plots import best_so_far, best_so_far_plot, pareto_plot
from archwright.statistics import wilson
from archwright.trial import Trial

_ROWS = 12


def trade(facts: Facts) -> Markup:
    """The third part of the page."""
    judged = [t for t in facts.trials if t.state == "complete" and facts.main.metric in t.metrics]
    if not judged:
        return section(3, "The trade-off", paragraph("No candidate was judged, so there is nothing to draw."))
    return section(
        3,
        "The trade-off",
        element(
            "div",
            [pareto_plot(facts, metric) for metric in facts.axes],
            class_="wide" if len(facts.axes) == 1 else "pair",
        ),
        element("h3", "How fast it was found"),
        *_progress(facts),
        *_against_random(facts),
        element("h3", "The Pareto front"),
        *_front(facts),
        *_compressed(facts),
    )


def _compressed(facts: Facts) -> Iterator[Markup]:
    members = facts.result.get("compressed") or []
    if len(members) > 1:
        yield element("h3", "The answer compressed")
        yield from compressed(members)


def _progress(facts: Facts) -> Iterator[Markup]:
    if facts.ranked:
        yield element("div", best_so_far_plot(facts, "candidates"), best_so_far_plot(facts, "seconds"), class_="pair")
    else:
        yield paragraph("No candidate was within the limits.")


def _against_random(facts: Facts) -> Iterator[Markup]:
    before = (facts.result.get("supernet") or {}).get("curve") or []
    if before:
        seconds = sum(epoch.get("seconds", 0.0) for epoch in before)
        yield note(f"Before the first candidate, {seconds:,.0f} s went into training the supernet that judges them.")
    random = facts.baseline[: len(facts.trials)]
    if not random:
        yield paragraph("No random search was run beside this one, so how much the strategy helped is not known.")
        return
    equal = f"Random search with {counted(len(random), 'candidate')} (this search: {len(facts.trials)}) found "
    theirs = best_so_far(facts, random, "candidates")
    ours = best_so_far(facts, facts.trials if facts.budgets else facts.trials[: len(random)], "candidates")
    main, same = facts.main, len({t.arch for t in random} & {t.arch for t in facts.trials})
    if not theirs or not ours:
        yield paragraph(
            equal, "nothing within the limits." if not theirs else "a network within the limits, this one did not."
        )
        return
    yield paragraph(
        equal,
        f"{label(main.metric)} {amount(theirs[-1][1], main.metric)} at best; ",
        f"this search had {amount(ours[-1][1], main.metric)} {'at equal cost' if facts.budgets else 'after as many'}. ",
        f"{counted(same, 'architecture')} came up in both." if same else None,
    )


def _front(facts: Facts) -> Iterator[Markup]:
    front = facts.front
    if not front:
        yield paragraph("It is empty: no candidate was within the limits.")
        return
    names = list(dict.fromkeys([*(o.metric for o in facts.objectives), *facts.search_limits, "params", "flops"]))
    names = [n for n in names if any(n in t.metrics for t in front)]
    samples = (facts.data.get("sizes") or {}).get("valid")
    yield table(
        ["candidate", *(label(n) for n in names), "95 % interval", "score from"],
        [[_number(facts, t), *(amount(t.metrics.get(n), n) for n in names), _interval(facts, t, samples), t.source]
         for t in front[:_ROWS]],
    )  # fmt: skip
    if len(front) > _ROWS:
        yield note(f"The first {_ROWS} of {len(front)}. ", "Every candidate is in summary.csv.")
    else:
        yield note("Every candidate is in summary.csv.")


def _number(facts: Facts, trial: Trial) -> Markup | int:
    return strong(f"{trial.number}, the answer") if trial is facts.chosen else trial.number


def _interval(facts: Facts, trial: Trial, samples: int | None) -> str:
    value = trial.metrics.get("accuracy")
    if facts.main.metric != "accuracy" or value is None or not samples:
        return "–"
    low, high = wilson(value / 100, samples)
    return f"{100 * low:.1f} to {100 * high:.1f} %"
