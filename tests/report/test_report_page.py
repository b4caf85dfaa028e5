"""The page: whole, self-contained, complete, and not to be broken by what users call their things."""

from __future__ import annotations

import dataclasses
import math
import re

import pytest
from report_example import RESULT, TRIALS, Page, trial

from archwright import report
from archwright.report import Facts
from archwright.space import Arch

HOSTILE = ("</td><script>alert(1)</script>", "\"' onload='x", "a\x00b\u202e", "\ud800", "<!-- ]]>", "&amp;")
TITLES = (
    "Answer",
    "Why this one",
    "The trade-off",
    "Can the scores be trusted",
    "What it cost",
    "How to repeat it",
)


def test_the_page_is_whole(facts):
    page = Page(report.html(facts))
    assert page.tags[:2] == ["html", "head"]
    assert page.tags.count("section") == 6


def test_all_six_parts_are_there(facts):
    text = Page(report.html(facts)).text
    for number, title in enumerate(TITLES, 1):
        assert f"{number} {title}" in text


def test_no_other_file_and_no_host_is_asked(facts, baseline, changed):
    for some in (facts, changed(baseline=baseline)):
        html = report.html(some)
        page = Page(html)
        assert not re.search(r"https?:|//[a-z]|url\(|@import|\bsrc\s*=|javascript:", html)
        assert {value[:5] for _, name, value in page.attributes if name == "href"} == {"#part"}
        assert {"script", "img", "link", "iframe", "object", "image", "use"}.isdisjoint(page.tags)
        assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_it_forbids_the_browser_to_load_anything(facts):
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in Page(report.html(facts)).attributes


def test_it_fits_a_phone(facts):
    html = report.html(facts)
    assert ("meta", "content", "width=device-width, initial-scale=1") in Page(html).attributes
    assert html.count("<table") == html.count('<div class="scroll"><table')
    assert "prefers-color-scheme: dark" in html


def test_same_facts_give_the_same_page(facts):
    assert report.html(facts) == report.html(facts)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_users_stay_text(changed, name):
    arch = Arch({name.encode("utf-8", "replace").decode(): name.encode("utf-8", "replace").decode()})
    facts = changed(
        {
            "architecture": dict(arch),
            "data": {**RESULT["data"], "name": name, "classes": [name, "bee"], "fingerprint": name},
            "space": {"name": name, "size": 3},
            "graph": {"nodes": ["input", name, "output"], "edges": [[0, 1], [1, 2]]},
            "folder": name,
            "recipe": name,
            "supernet_check": {name: name},
        },
        trials=(trial(0, arch=arch), trial(1, state="failed", metrics={}, error=name)),
        record={"command": ["archwright", name], "versions": {name: name}, "machine": {"platform": name}},
        config={"about": name, name: name},
    )
    html = report.html(facts)
    page = Page(html)
    assert "script" not in page.tags
    assert not [n for _, n, _ in page.attributes if n.startswith("on")]
    assert not re.search(r"[\x00-\x08\u202a-\u202e]", html)
    assert html.encode("utf-8")


@pytest.mark.parametrize("trials", [(), TRIALS[:1], TRIALS[3:4], TRIALS[4:], TRIALS[:2]])
def test_few_candidates(changed, trials):
    page = Page(report.html(changed(trials=trials)))
    assert page.tags.count("section") == 6


def test_nothing_known():
    page = Page(report.html(Facts(result={})))
    assert page.tags.count("section") == 6
    assert "No network was chosen." in page.text
    assert "No candidates were compared" in page.text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_metrics_that_are_no_numbers_survive(changed, value):
    odd = trial(5, metrics={"accuracy": 70.0, "params": value, "loss": value})
    curve = {"epochs": 2, "curve": [{"train_loss": value, "accuracy": value}, {"train_loss": value}]}
    facts = changed(
        {"test": {"accuracy": value}, "valid": {"accuracy": value}, "training": curve, "latency_ms": value},
        trials=(*TRIALS, odd, trial(6, value, 800)),
    )
    html = report.html(facts)
    assert Page(html).tags.count("section") == 6
    assert not re.search(r'(cx|cy|x|y|d)="[^"]*(nan|inf)', html)


def test_a_space_may_be_infinite_or_beyond_floats(changed):
    assert "infinitely many" in Page(report.html(changed({"space": {"name": "s", "size": math.inf}}))).text
    assert "1e400" in Page(report.html(changed({"space": {"name": "s", "size": 10**400}}))).text


def test_a_long_search_stays_small(changed):
    many = tuple(trial(n, 50 + (n * 7919 % 4000) / 100, 100 + n % 900) for n in range(4000))
    assert len(report.html(changed(trials=many, baseline=many))) < 300_000


def test_a_hundred_classes_stay_small(changed):
    classes = [f"class {n}" for n in range(100)]
    answers = [(n % 100, (n * n) % 100 if n % 3 else n % 100) for n in range(10_000)]
    data = {**RESULT["data"], "classes": classes}
    html = report.html(changed({"data": data}, answers=answers))
    assert len(html) < 300_000
    assert "The worst 25 of 100 classes." in Page(html).text


def test_tables_have_no_pictures_of_inputs_and_need_none(changed):
    page = Page(report.html(changed(network={"input_shape": [13]})))
    assert "torch.zeros(1, 13)" in page.text
    assert "np.zeros((1, 13), np.float32)" in page.text


def test_a_network_of_its_own_metric(changed):
    trials = tuple(
        dataclasses.replace(t, metrics={"rmse": 10.0 - t.number, "params": 100.0 * t.number}) for t in TRIALS[:3]
    )
    facts = changed({"objectives": ["min:rmse"], "limits": {}, "test": {"rmse": 8.0}}, trials=trials)
    assert facts.ranked[0].number == 2
    assert "down and left is better" in Page(report.html(facts)).text
