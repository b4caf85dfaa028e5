"""A network beside its pruned and quantised forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archwright.report._axes import Axes
from archwright.report._blocks import figure, note, paragraph, section, strong, table
from archwright.report._document import document
from archwright.report._markup import Markup, element
from archwright.report._numbers import NONE, amount, axis, counted, whole

Facts = Mapping[str, Any]
_BITS = 8.0  # a whole bar
_ROWS = 80  # layers drawn


def compression(members: Sequence[Facts], title: str) -> str:
    """The page of one compressed network.

    Args:
        members: facts of the network as it was and of its compressed form.
        title: name of the network.
    """
    header = element(
        "header",
        element("p", "archwright compress", class_="kicker"),
        element("h1", title),
        element("p", f"{members[-1]['name']}, beside the network as it was."),
    )
    return document(f"{title}: {members[-1]['name']}", header, section(1, "Before and after", *compressed(members)))


def compressed(members: Sequence[Facts]) -> Iterator[Markup]:
    """The trade-off, the figures of every member, and what happened in the layers of each.

    Args:
        members: facts, the network as it was first.
    """
    front = _front(members)
    yield _plot(members, front)
    yield table(
        ["network", "test accuracy", "in ONNX Runtime", "zeros", "weights", "file", "ONNX file", "latency", "took"],
        [_row(m, members[0], m["name"] in front) for m in members],
    )
    yield note(
        "Set off: no other member is smaller and as accurate. Latency is of one input in ONNX Runtime on this ",
        "processor; zeros in a dense tensor take as long as other numbers. ",
        "Where no int8 file can hold the grids, accuracy is simulated.",
    )
    for member in members[1:]:
        yield element("h3", member["name"])
        if member.get("reason"):
            yield note(f"No int8 ONNX: {member['reason']}")
        yield _layers(member)


def _front(members: Sequence[Facts]) -> set[str]:
    """Names of members that no other one dominates in bytes and test accuracy."""

    def better(a: Facts, b: Facts) -> bool:
        first, second = _point(a), _point(b)
        return first != second and first[0] <= second[0] and first[1] >= second[1]

    return {m["name"] for m in members if not any(better(other, m) for other in members)}


def _point(member: Facts) -> tuple[float, float]:
    return float(member["size"]), float(member.get("test_accuracy", 0.0))


def _plot(members: Sequence[Facts], front: set[str]) -> Markup:
    points = [(*_point(m), f"{m['name']}: {amount(m.get('test_accuracy'), 'accuracy')}") for m in members]
    axes = Axes(
        [x for x, _, _ in points], [y for _, y, _ in points], x_label=axis("size"), y_label=axis("accuracy"), log_x=None
    )
    line = sorted(_point(m) for m in members if m["name"] in front)
    marks = [
        [axes.line(line, "series-front", "hv")],
        axes.dots(points, "judged", 3.6),
        axes.dots([p for m, p in zip(members, points) if m["name"] in front], "front", 4.5),
    ]
    caption = "Test accuracy against the bytes of the weights; up and left is better."
    keys = [("judged", "member"), ("front", "Pareto front")]
    return figure(axes.svg(*marks, label=caption), caption, keys)


def _row(member: Facts, dense: Facts, best: bool) -> list[object]:
    int8 = member.get("int8") or {}
    share = f" ({100 * member['size'] / dense['size']:.0f} %)" if member is not dense else ""
    return [
        strong(member["name"]) if best else member["name"],
        amount(member.get("test_accuracy"), "accuracy"),
        amount(int8.get("accuracy"), "accuracy"),
        f"{100 * member['sparsity']:.1f} %",
        amount(member.get("params"), "params"),
        amount(member["size"], "size") + share,
        amount(member.get("onnx_size"), "size"),
        amount(member.get("latency_ms"), "latency_ms"),
        f"{member['seconds']:.1f} s" if "seconds" in member else NONE,
    ]


def _layers(member: Facts) -> Markup:
    """Bits of every layer as bars, the zeros as the empty part of each."""
    layers = list(member["layers"])
    if not layers:
        return paragraph("It has no layers of weights.")
    quantised = any(layer.get("bits") for layer in layers)
    shown = layers[:_ROWS]
    left = 10 + 6.2 * max(len(_short(str(layer["name"]))) for layer in shown)
    bars = [_bar(n, layer, left, quantised) for n, layer in enumerate(shown)]
    what = "bits of the weights (activations)" if quantised else "weights that are left"
    picture = element(
        "svg", bars, viewBox=f"0 0 520 {18 * len(shown) + 6}", role="img", aria_label=what, class_="plot"
    )  # fmt: skip
    rest = f" The first {len(shown)} of {len(layers)}." if len(shown) < len(layers) else ""
    return figure(picture, f"Layers in the order they run: {what}.{rest}", css="wide")


def _bar(n: int, layer: Facts, left: float, quantised: bool) -> Markup:
    bits, zeros = layer.get("bits"), float(layer["sparsity"])
    kept, reach, y = 1 - zeros, 520 - left - 150, 18 * n + 4
    length = reach * min((bits or _BITS) / _BITS, 1.0) if quantised else reach
    text = f"{bits} bits ({layer.get('activation_bits') or NONE})" if quantised else f"{100 * kept:.1f} %"
    zero = f", {100 * zeros:.1f} % zeros" if quantised and zeros > 0.005 else ""
    about = f"{layer['name']}: {counted(int(layer['weights']), 'weight')}, {text}{zero}"
    return element(
        "g",
        element("title", about),
        element("text", _short(str(layer["name"])), x=left - 6, y=y + 11, text_anchor="end"),
        element("rect", x=left, y=y, width=reach, height=13, class_="blank"),
        element("rect", x=left, y=y, width=length, height=13, class_="hit", fill_opacity=0.35),
        element("rect", x=left, y=y, width=length * kept, height=13, class_="hit", fill_opacity=0.85),
        element("text", f"{text}, {whole(layer['weights'])}", x=518, y=y + 11, text_anchor="end"),
    )


def _short(name: str) -> str:
    return name if len(name) <= 28 else "…" + name[-27:]
