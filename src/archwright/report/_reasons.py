"""Part 2: which limit binds, what the alternatives were, what was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from archwright.report._blocks import paragraph, section, strong, table
from archwright.report._facts import PREDICTED, Facts
from archwright.report._gradient import gradient
from archwright.report._markup import Markup, element
from archwright.report._numbers import NONE, amount, counted, label
from archwright.trial import State, Trial, broken

_STATES: dict[State, str] = {
    "complete": "judged",
    "stopped": "stopped early by the strategy",
    "refused": "refused before judging: over a limit",
    "failed": "failed",
}
_BINDING = 0.9  # share of a limit from which on it holds the answer back
_EXAMPLES = 3


def reasons(facts: Facts) -> Markup:
    """The second part of the page."""
    if history := (facts.result.get("gradient") or {}).get("history"):
        return section(2, "Why this one", *gradient(history))
    if not facts.trials:
        return section(2, "Why this one", paragraph("No candidates were compared: there was no search."))
    return section(
        2,
        "Why this one",
        paragraph(_rank(facts)),
        paragraph(_binding(facts)),
        element("h3", "The next best on each side"),
        *_neighbours(facts),
        element("h3", "What became of the candidates"),
        *_fates(facts),
    )


def _rank(facts: Facts) -> Iterator[object]:
    chosen = facts.chosen
    if chosen is None:
        yield "The answer is not one of the stored candidates."
        return
    main = facts.main.metric
    yield f"The answer is candidate {chosen.number}, with {label(main)} {amount(chosen.metrics.get(main), main)} when "
    yield f"it was judged ({chosen.source or 'source unknown'})"
    place = facts.ranked.index(chosen) + 1 if chosen in facts.ranked else 0
    if place == 1:
        longest = f", judged with the largest budget, {chosen.budget:.4g}" if chosen.budget else ""
        yield f": the best of {counted(len(facts.ranked), 'candidate')} within the limits{longest}."
    elif place:
        first = facts.ranked[0]
        yield f", place {place} of {len(facts.ranked)} within the limits. Candidate {first.number} scored "
        yield f"{amount(first.metrics[main], main)}; among scores that the validation part cannot tell apart the one "
        yield "with the lowest loss is taken, and a candidate whose exported file breaks a limit is passed over."
    else:
        yield ". As the search saw it, it was not within the limits."


def _binding(facts: Facts) -> Iterator[object]:
    if not facts.limits:
        yield "No limit was set, so none binds."
        return
    used = {name: share for name in facts.limits if (share := _used(facts, name)) is not None}
    over = {name: _over(facts, name) for name in facts.limits}
    binding = [name for name, share in sorted(used.items(), key=lambda item: -item[1]) if share >= _BINDING]
    for name in binding:
        yield strong(f"The limit on {label(name)} {'binds' if over[name] else 'is near'}")
        yield f": the answer uses {100 * used[name]:.0f} % of what was allowed, and {_candidates_over(over[name])}. "
    if not binding and used:
        near = max(used, key=lambda n: used[n])
        yield f"No limit binds: the nearest is {label(near)}, of which the answer uses {100 * used[near]:.0f} %"
        yield f"; {_candidates_over(over[near])}. "
    for name in facts.limits:
        if name not in binding and over[name] and (binding or len(facts.limits) > 1):
            also = f" and the answer uses {100 * used[name]:.0f} %" if name in used else ""
            yield f"{label(name).capitalize()}: {_candidates_over(over[name])}{also}. "


def _used(facts: Facts, name: str) -> float | None:
    measured = facts.result.get(name)
    if measured is None and facts.chosen is not None:
        measured = facts.chosen.metrics.get(PREDICTED.get(name, name))
    limit = facts.limits[name]
    return measured / limit if isinstance(measured, int | float) and limit else None


def _over(facts: Facts, name: str) -> int:
    limit = {PREDICTED.get(name, name): facts.limits[name]}
    return sum(bool(broken(t.metrics, limit)) for t in facts.trials)


def _candidates_over(n: int) -> str:
    return f"{counted(n, 'candidate')} {'was' if n == 1 else 'were'} over it" if n else "no candidate was over it"


def _neighbours(facts: Facts) -> Iterator[Markup]:
    metric = facts.axes[0] if facts.axes else ""
    rows = []
    if facts.chosen is not None and metric in facts.chosen.metrics:
        at = facts.chosen.metrics[metric]
        front = sorted((t for t in facts.front if metric in t.metrics), key=lambda t: t.metrics[metric])
        below = [t for t in front if t.metrics[metric] < at][-1:]
        above = [t for t in front if t.metrics[metric] > at][:1]
        rows = [(f"less {label(metric)}", t) for t in below]
        rows += [("the answer", facts.chosen)]
        rows += [(f"more {label(metric)}", t) for t in above]
    if len(rows) < 2:
        yield paragraph("The Pareto front has no other candidate beside the answer.")
        return
    main = facts.main.metric
    names = list(dict.fromkeys([main, metric, *facts.search_limits, "params", "flops"]))
    names = [name for name in names if any(name in t.metrics for _, t in rows)]
    cells = [
        [title, t.number, *(amount(t.metrics.get(n), n) for n in names), _difference(facts, t)] for title, t in rows
    ]
    columns = ["next on the front", "candidate", *map(label, names), "differs in"]
    yield table(columns, cells, words=(0, len(columns) - 1))


def _difference(facts: Facts, trial: Trial) -> Markup | str:
    """What is not as in the answer."""
    assert facts.chosen is not None
    ours, theirs = dict(facts.chosen.arch), dict(trial.arch)
    changed = [n for n in {**ours, **theirs} if ours.get(n) != theirs.get(n)]
    text = ", ".join(f"{n}={theirs.get(n, 'absent')}" for n in changed[:6]) + (" …" if len(changed) > 6 else "")
    return element("code", text, class_="long") if text else ""


def _rungs(facts: Facts) -> Iterator[Markup]:
    """Trials by budget; a candidate that went on has one at each."""
    main = facts.main
    rows: list[list[object]] = []
    for budget, trials in facts.budgets.items():
        judged = [t for t in trials if facts.feasible(t)]
        best = min(judged, key=lambda t: main.loss(t.metrics), default=None)
        rows.append([f"{budget:.4g}", len(trials), amount(best.metrics[main.metric], main.metric) if best else NONE])
    different = len({t.arch for t in facts.trials})
    yield paragraph(
        f"The strategy chose how much was spent on each: {counted(different, 'architecture')} in "
        f"{counted(len(facts.trials), 'trial')}. Who went on was judged again from the beginning with a larger budget; "
        "only values at one budget are compared with each other."
    )
    yield table(["budget", "trials", f"best {label(main.metric)}"], rows)


def _fates(facts: Facts) -> Iterator[Markup]:
    states = Counter(t.state for t in facts.trials)
    over = sum(t.state == "complete" and not facts.feasible(t) for t in facts.trials)
    rows: list[list[object]] = [[text, states[state]] for state, text in _STATES.items() if states[state]]
    if over:
        rows.insert(1, ["of these over a limit or without a score", over])
    yield table(["candidates", "number"], [*rows, [strong("in all"), strong(len(facts.trials))]])
    if facts.budgets:
        yield from _rungs(facts)
    out = [t for state in ("refused", "failed") for t in [t for t in facts.trials if t.state == state][:_EXAMPLES]]
    if not out:
        yield paragraph("None was refused, none failed.")
        return
    yield paragraph("Examples:")
    yield table(
        ["candidate", "state", "reason", "architecture"],
        [[t.number, t.state, last_line(t.error) or NONE, element("code", _text(t), class_="long")] for t in out],
        words=range(4),
    )


def last_line(error: str) -> str:
    """The line of a traceback that says what happened."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _text(trial: Trial) -> str:
    return ", ".join(f"{name}={value}" for name, value in trial.arch.items())
