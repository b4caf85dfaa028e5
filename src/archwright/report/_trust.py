"""Part 4: whether the scores that decided can be believed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from archwright.report._blocks import note, paragraph, section, strong, table
from archwright.report._facts import PREDICTED, Facts
from archwright.report._markup import Markup, element
from archwright.report._numbers import NONE, amount, counted, digits, label
from archwright.report._plots import curves_plot
from archwright.statistics import kendall, kendall_deviation

_PAIRED = 2000  # candidates compared two by two


def trust(facts: Facts) -> Markup:
    """The fourth part of the page.

    Optional entries of the result that it shows: `ranking`: `kendall`, `spearman`, `networks` and `epochs` of the cheap
    score against training alone; `supernet_check`: a text, or a mapping of findings; `candidates_measured`: a list of
    `predicted_latency_ms` and `latency_ms` of exported candidates.
    """
    return section(
        4,
        "Can the scores be trusted",
        element("h3", "Does the cheap score rank networks as training alone does?"),
        *_ranking(facts),
        element("h3", "Is the predicted latency the measured one?"),
        *_latency(facts),
        element("h3", "Is the supernet sound?"),
        *_supernet(facts),
        element("h3", "Was training over?"),
        *_curves(facts),
    )


def _ranking(facts: Facts) -> Iterator[Markup]:
    ranking = facts.result.get("ranking")
    if isinstance(ranking, Mapping):
        yield paragraph(
            f"On {counted(ranking.get('networks', 0), 'candidate')} trained alone",
            f" for {ranking['epochs']:g} epochs" if "epochs" in ranking else "",
            ", Kendall's τ between the score and the accuracy reached is ",
            strong(digits(ranking.get("kendall", math.nan), 2)),
            f" and Spearman's ρ {digits(ranking['spearman'], 2)}." if "spearman" in ranking else ".",
            _roughness(int(ranking.get("networks", 0))),
        )
        if pairs := ranking.get("pairs"):
            main = facts.main.metric
            rows = [[p["number"], amount(p["score"], main), amount(p["trained"], "accuracy")] for p in pairs]
            yield table(["candidate", "score", "trained alone"], rows)
    elif {t.source for t in facts.trials} == {"trained"}:
        yield paragraph(
            "Candidates were trained one by one with the search's budget. Whether a longer training would order them ",
            "otherwise was not measured.",
        )
    else:
        yield paragraph("This was not measured in this run: no other candidate was trained in full.")
    yield from _one_network(facts)
    yield from _trivial(facts)


def _roughness(networks: int) -> str:
    """What chance alone would do with so few."""
    if networks < 2:
        return ""
    return f" Without any association τ would have a standard deviation of {kendall_deviation(networks):.2f}."


def _one_network(facts: Facts) -> Iterator[Markup]:
    main = facts.main.metric
    trained = (facts.result.get("valid") or {}).get(main)
    if facts.chosen is None or not isinstance(trained, int | float) or main not in facts.chosen.metrics:
        return
    yield paragraph(
        f"Of one network it is known: the answer was judged at {amount(facts.chosen.metrics[main], main)} ",
        f"({facts.chosen.source or 'source unknown'}) and, trained alone, has {amount(trained, main)} on the ",
        "same validation part.",
    )


def _trivial(facts: Facts) -> Iterator[Markup]:
    """How much of the score a mere count would tell."""
    main = facts.main.metric
    rows: list[list[object]] = []
    for name in ("params", "flops"):
        judged = [t.metrics for t in facts.trials if t.state == "complete" and {name, main} <= t.metrics.keys()]
        judged = [m for m in judged if math.isfinite(m[name]) and math.isfinite(m[main])]
        judged = judged[:: -(-len(judged) // _PAIRED) or 1]
        if len(judged) > 2:
            tau = kendall([-facts.main.loss(m) for m in judged], [m[name] for m in judged])
            rows.append([label(name), NONE if math.isnan(tau) else f"{tau:.2f}", len(judged)])
    if rows:
        yield paragraph("How far the score merely follows size (Kendall's τ; at 1 a count would do as well):")
        yield table(["count", "τ with the score", "candidates"], rows)


def _latency(facts: Facts) -> Iterator[Markup]:
    foreseen = facts.chosen.metrics.get(PREDICTED["latency_ms"]) if facts.chosen else None
    rows = [("the answer", foreseen, facts.result.get("latency_ms"))] if foreseen else []
    for measured in facts.result.get("candidates_measured") or ():
        title = f"candidate {measured.get('number', NONE)}"
        rows.append((title, measured.get(PREDICTED["latency_ms"]), measured.get("latency_ms")))
    if not rows:
        yield paragraph("No latency was limited, so none was predicted.")
        return
    yield table(
        ["network", "predicted", "measured", "prediction off by"],
        [[title, amount(a, "_ms"), amount(b, "_ms"), _off(a, b)] for title, a, b in rows],
    )
    fit = facts.latency_table.get("fit") or {}
    if fit.get("networks"):
        device = (facts.latency_table.get("protocol") or {}).get("device", "this device")
        yield note(
            f"The table of operation times of {device} was fitted to {counted(fit['networks'], 'network')} of this "
            f"space: median error {100 * fit.get('error', math.nan):.1f} %, Kendall's τ {fit.get('tau', math.nan):.2f}."
        )


def _off(predicted: Any, measured: Any) -> str:
    numbers = isinstance(predicted, int | float) and isinstance(measured, int | float) and measured
    return f"{100 * (predicted / measured - 1):+.0f} %" if numbers else NONE


def _supernet(facts: Facts) -> Iterator[Markup]:
    check = facts.result.get("supernet_check")
    if isinstance(check, Mapping):
        yield table(["check", "finding"], [[name.replace("_", " "), _finding(value)] for name, value in check.items()])
    elif check:
        yield paragraph(check)
    elif facts.result.get("supernet"):
        yield paragraph("The supernet was not checked in this run.")
    else:
        yield paragraph("No supernet was used.")


def _finding(value: object) -> str:
    return amount(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _curves(facts: Facts) -> Iterator[Markup]:
    named = {"largest network of the supernet": "supernet", "chosen network": "training"}
    curves = {name: (facts.result.get(key) or {}).get("curve") or [] for name, key in named.items()}
    plots = [curves_plot(curves, metric) for metric in ("accuracy", "train_loss")]
    if not any(plots):
        yield paragraph("No learning curve was recorded.")
        return
    yield element("div", plots, class_="pair")
    yield note("The two losses are not the same sum: the supernet's is over all the networks of a step.")
