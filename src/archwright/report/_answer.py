"""Part 1: the network, how good it is, what it costs, how to load it, where it errs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from archwright.report._blocks import code, figure, listing, note, paragraph, section, strong, table
from archwright.report._confusion import confused, confusion_plot, counts, per_class_plot
from archwright.report._drawing import drawing, graph_of
from archwright.report._facts import PREDICTED, Facts
from archwright.report._markup import Markup, element
from archwright.report._numbers import NONE, amount, counted, digits, label, whole
from archwright.statistics import wilson

_PARTS = (("test", "test (used only here)"), ("valid", "validation (used to choose: flattering)"))
_COSTS = ("params", "flops", "latency_ms", "size")

_TORCH = """import torch
from model import load  # best/model.py

network = load()
x = torch.zeros({shape})
with torch.inference_mode():
    logits = network(x)"""

_ONNX = """import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
x = np.zeros(({shape}), np.float32)
(logits,) = session.run(None, {{"input": x}})"""


def answer(facts: Facts) -> Markup:
    """The first part of the page."""
    if not facts.result.get("architecture"):
        return section(1, "Answer", paragraph("No network was chosen."))
    return section(
        1,
        "Answer",
        _network(facts),
        element("h3", "Scores"),
        *_scores(facts),
        element("h3", "Costs and limits"),
        *_costs(facts),
        *_mistakes(facts),
        element("h3", "How to load it"),
        *_loading(facts),
    )


def _network(facts: Facts) -> Markup:
    architecture = facts.result["architecture"]
    space = facts.result.get("space") or {}
    labels, edges = graph_of(architecture, facts.result.get("graph") or {})
    size = space.get("size")
    among = "infinitely many" if size == math.inf else whole(size) if isinstance(size, int | float) else NONE
    caption = ["One of ", among, " architectures of the space ", code(space.get("name") or "of its own"), ": "]
    caption.append(code(", ".join(f"{name}={value}" for name, value in architecture.items())))
    picture = element("div", drawing(labels, edges, label="the chosen architecture"), class_="scroll")
    return figure(picture, caption)


def _scores(facts: Facts) -> Iterator[Markup]:
    sizes = facts.data.get("sizes") or {}
    rows: list[list[object]] = []
    for part, title in _PARTS:
        for metric, value in (facts.result.get(part) or {}).items():
            if not isinstance(value, int | float):
                continue
            known = metric == "accuracy" and math.isfinite(value) and sizes.get(part)
            low, high = wilson(value / 100, sizes[part]) if known else (math.nan, math.nan)
            interval = f"{100 * low:.2f} to {100 * high:.2f} %" if known else NONE
            rows.append([title, label(metric), strong(amount(value, metric)), interval, amount(sizes.get(part))])
    yield table(["part of the data", "score", "value", "95 % interval", "samples"], rows, words=(0, 1))
    refit = (facts.result.get("training") or {}).get("refit")
    yield note(
        "After the validation score was taken, the network was trained again on both parts together, and exported. "
        if refit
        else "Taken from the exported file in ONNX Runtime. ",
        f"One run, one seed ({facts.result.get('seed', NONE)}). The interval (Wilson) covers the choice of samples; ",
        "how much another seed would change is not in it.",
    )


def _costs(facts: Facts) -> Iterator[Markup]:
    names = list(dict.fromkeys([*facts.limits, *(n for n in _COSTS if n in facts.result)]))
    yield table(
        ["cost", "asked: at most", "predicted", "measured", "of the limit"],
        [_cost(facts, name) for name in names],
    )
    latency = facts.result.get("latency")
    if isinstance(latency, Mapping):
        yield note(_protocol(latency))
    checks = facts.result.get("agreement") or {}
    said = [_agreement(name, checks[name]) for name in ("torch", "onnx") if isinstance(checks.get(name), Mapping)]
    if said:
        yield note("The files compute what the trained network computes. ", " ".join(said))


def _cost(facts: Facts, name: str) -> list[object]:
    limit, measured = facts.limits.get(name), facts.result.get(name)
    foreseen = facts.chosen.metrics.get(PREDICTED.get(name, name)) if facts.chosen else None
    verdict = _verdict(measured, limit)
    return [label(name), amount(limit, name), amount(foreseen, name), strong(amount(measured, name)), verdict]


def _verdict(measured: object, limit: float | None) -> Markup | str:
    if limit is None:
        return "no limit"
    if not isinstance(measured, int | float):
        return "not measured"
    css = "met" if measured <= limit else "broken"
    share = f"{100 * measured / limit:.0f} %, " if limit else ""
    return element("span", f"{share}{css}", class_=css)


def _protocol(latency: Mapping[str, Any]) -> str:
    busy = " The machine was busy: read the figure as an upper bound." if latency.get("contended") else ""
    return (
        f"Latency: median of {counted(latency.get('repeats', 0), 'sample')} of model.onnx on "
        f"{latency.get('device', 'an unknown device')} in {latency.get('runtime', '?')} {latency.get('version', '')}, "
        f"{counted(latency.get('threads', 1), 'thread')}, batch {latency.get('batch', 1)}, "
        f"{latency.get('dtype', '')}; 80 % of the samples between {amount(latency.get('p10_ms'), 'p10_ms')} and "
        f"{amount(latency.get('p90_ms'), 'p90_ms')}.{busy}"
    )


def _agreement(name: str, check: Mapping[str, Any]) -> str:
    where = {"torch": "model.py in PyTorch", "onnx": "model.onnx in ONNX Runtime"}[name]
    return (
        f"{where}: outputs differ by at most {digits(check.get('max_abs', math.nan), 2)}, same answer on "
        f"{100 * check.get('argmax_agreement', math.nan):g} % of {check.get('samples', 0)} samples."
    )


def _mistakes(facts: Facts) -> Iterator[Markup]:
    if not facts.answers or not facts.classes:
        return
    matrix, few = counts(facts.answers, len(facts.classes)), len(facts.classes) <= 12
    pairs = confused(matrix, facts.classes)
    said = paragraph("Taken for each other most often:" if pairs else "Every sample of the test part was right.")
    right = element("div", per_class_plot(matrix, facts.classes), (said, pairs) if few else None)
    yield element("h3", "Where it errs")
    yield element("div", confusion_plot(matrix, facts.classes), right, class_="pair")
    if not few:
        yield said
        yield pairs or Markup("")


def _loading(facts: Facts) -> Iterator[Markup]:
    shape = facts.network.get("input_shape")
    if not shape:
        yield paragraph("The network was not exported.")
        return
    full = ", ".join(map(str, (1, *shape)))
    yield paragraph(
        *("The folder ", code("best/"), " of the run is all that is needed; ", code("archwright"), " is not. "),
        "Inputs are float32 values as stored in the data: the network normalises them itself. The batch size is free.",
    )
    torch = element("div", element("h4", "PyTorch (torch, safetensors)"), listing(_TORCH.format(shape=full)))
    onnx = element("div", element("h4", "ONNX Runtime (onnxruntime, numpy)"), listing(_ONNX.format(shape=full)))
    yield element("div", torch, onnx, class_="pair")
