"""Scales, drawings and matrices, by cases with known answers."""

from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_example import Page

from archwright.report._axes import Axes, Scale
from archwright.report._confusion import confused, confusion_plot, counts, per_class_plot
from archwright.report._drawing import drawing, graph_of
from archwright.report._markup import Markup, element, escaped
from archwright.report._numbers import amount, duration, tick


def boxes(svg: str) -> dict[str, tuple[float, float, float, float]]:
    """First line of text in each box -> its rectangle (x, y, width, height)."""
    found = {}
    for group in ET.fromstring(svg).iter("g"):
        rect, text = group.find("rect"), group.find("text")
        assert rect is not None
        assert text is not None
        found[text.text or ""] = tuple(float(rect.attrib[k]) for k in ("x", "y", "width", "height"))
    return found


def test_scale_maps_ends_and_middle():
    scale = Scale(0, 10, 100, 200)
    assert [scale(v) for v in (0, 5, 10, -3, 30)] == [100, 150, 200, 100, 200]
    assert Scale(1, 100, 0, 10, log=True)(10) == pytest.approx(5)
    assert scale.ticks() == [0, 2, 4, 6, 8, 10]


@given(st.lists(st.floats(-1e12, 1e12), max_size=6), st.sampled_from([True, False, None]))
def test_ticks_lie_within_the_scale(values, log):
    scale = Scale.of(values, 0, 100, log=log)
    assert scale.low < scale.high
    assert len(scale.ticks()) < 13
    assert all(scale.low <= t <= scale.high or math.isclose(t, scale.high, abs_tol=1e-9) for t in scale.ticks())
    assert all(0 <= scale(v) <= 100 for v in values)


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=5))
def test_a_plot_of_any_numbers_is_a_picture(points):
    axes = Axes([x for x, _ in points], [y for _, y in points], x_label="x", y_label="y", log_x=None)
    svg = axes.svg(axes.dots([(x, y, "") for x, y in points], "a"), [axes.line(points, "b")], label="plot")
    ET.fromstring(svg)
    assert not re.search(r'="[^"]*(nan|inf)', svg)


def test_a_chain_runs_from_left_to_right():
    at = boxes(drawing([["input"], ["a"], ["b"], ["output"]], [[0, 1], [1, 2], [2, 3]], label=""))
    xs = [at[name][0] for name in ("input", "a", "b", "output")]
    assert xs == sorted(xs)
    assert len({y + h / 2 for _, y, _, h in at.values()}) == 1


def test_boxes_do_not_overlap():
    edges = [[0, i] for i in range(1, 6)] + [[i, 6] for i in range(1, 6)] + [[1, 2], [2, 5], [0, 6]]
    rectangles = boxes(drawing([[f"n{i}"] for i in range(7)], edges, label="")).values()
    for (x, y, w, h), (u, v, s, t) in itertools.combinations(rectangles, 2):
        assert x + w <= u or u + s <= x or y + h <= v or v + t <= y


def test_a_drawing_has_an_arrow_for_each_edge_and_one_for_each_layer_it_crosses():
    svg = drawing([["a"], ["b"], ["c"]], [[0, 1], [1, 2], [0, 2]], label="")
    assert svg.count('class="arrow"') == 4


def test_parts_that_are_not_connected_stand_below_each_other():
    at = boxes(drawing([["a"], ["b"], ["c"], ["d"]], [[0, 1], [2, 3]], label=""))
    assert at["a"][0] == at["c"][0]
    assert at["a"][1] + at["a"][3] < at["c"][1]


@pytest.mark.parametrize("edges", [[[0, 1], [1, 0]], [[0, 0]], [[0, 1], [1, 2], [2, 0]], []])
def test_cycles_and_lonely_nodes_are_drawn(edges):
    assert len(boxes(drawing([["a"], ["b"], ["c"]], edges, label=""))) == 3


def test_a_chain_of_variables_is_drawn_by_owner():
    architecture = {"stage1.width": 8, "stage1.block1.kernel": 3, "stage1.block1.expansion": 2, "lr": 0.1}
    nodes = ["input", *(f"{k}={v}" for k, v in architecture.items()), "output"]
    for graph in ({}, {"nodes": nodes, "edges": [[i, i + 1] for i in range(5)]}):
        lines, edges = graph_of(architecture, graph)
        assert lines == [
            ["input"], ["stage1", "width 8"], ["stage1.block1", "kernel 3", "expansion 2"], ["lr", "0.1"], ["output"]
        ]  # fmt: skip
        assert edges == [[0, 1], [1, 2], [2, 3], [3, 4]]


def test_a_graph_of_the_space_is_drawn_as_it_is():
    graph = {"nodes": ["input", "conv", "output"], "edges": [[0, 1], [1, 2]]}
    assert graph_of({"edge01": "conv"}, graph) == ([["input"], ["conv"], ["output"]], [[0, 1], [1, 2]])


def test_counts():
    assert counts([(0, 0), (0, 1), (1, 1), (1, 1), (7, 0)], 2).tolist() == [[1, 1], [0, 2]]


@pytest.mark.parametrize("k", [1, 2, 12, 13, 25, 26, 100, 300])
def test_confusion_matrix_of_any_number_of_classes(k):
    names = [f"class {n}" for n in range(k)]
    matrix = counts([(n % k, (n + (n % 7 == 0)) % k) for n in range(1000)], k)
    for figure in (confusion_plot(matrix, names), per_class_plot(matrix, names)):
        assert figure is not None
        page = Page(figure)
        assert "figure" in page.tags
        assert len(figure) < 150_000
    assert (confused(matrix, names) is None) == (k == 1)


def test_beyond_300_classes_there_is_no_matrix():
    assert confusion_plot(np.eye(301, dtype=np.int64), ["x"] * 301) is None


def test_a_class_without_samples_has_no_bar():
    figure = per_class_plot(np.array([[2, 0], [0, 0]]), ["ant", "bee"])
    assert "ant: 2 of 2 samples right" in figure
    assert "bee" not in figure


def test_markup_escapes_all_but_markup():
    written = element("p", "<&>", Markup("<br>"), None, [1, "'"], class_='"')
    assert written == '<p class="&quot;">&lt;&amp;&gt;<br>1&#x27;</p>'
    assert escaped("a\x00\ud800") == "a\ufffd?"


@pytest.mark.parametrize(
    ("value", "metric", "text"),
    [
        (91.234, "accuracy", "91.23 %"), (20534.0, "params", "20,534"), (1356928, "flops", "1.36 M"),
        (0.0404, "latency_ms", "0.0404 ms"), (12.34, "predicted_latency_ms", "12.3 ms"), (104120, "size", "104 kB"),
        (512, "size", "512 B"), (math.nan, "size", "–"), (None, "params", "–"), (True, "", "–"),
        (0.12345, "", "0.1235"), (math.inf, "loss", "∞"),
    ],
)  # fmt: skip
def test_amounts(value, metric, text):
    assert amount(value, metric) == text


def test_durations_and_ticks():
    assert [duration(s) for s in (0.0123, 0.4, 7, 61, 3661, math.nan)] == [
        "12 ms", "0.4 s", "7.0 s", "1 min 01 s", "1 h 01 min", "–"
    ]  # fmt: skip
    assert [tick(v) for v in (0, 0.05, 150_000, 2e6)] == ["0", "0.05", "150k", "2M"]
