"""Numbers, tables and times as text."""

import json

import pytest

from archwright.cli._clock import Pace, clock
from archwright.cli._table import as_json, cell, table


@pytest.mark.parametrize(
    ("value", "text"),
    [(38914, "38,914"), (99.0712, "99.07"), (None, "-"), (True, "yes"), (0.012345, "0.01235"), (40000.0, "40,000"),
     (1234567.8, "1,234,568"), ("plain", "plain"), (3.0, "3"), (0, "0"), (1e20, "1e+20")],
)  # fmt: skip
def test_cells(value, text):
    assert cell(value) == text


def test_numbers_stand_to_the_right():
    assert table(("name", "params"), [("a", 5), ("longer", 12345)], title="found") == (
        "found\nname    params\na            5\nlonger  12,345"
    )


def test_table_without_rows_is_its_heading():
    assert table(("a", "b"), []) == "a  b"


def test_json_keeps_every_digit():
    assert json.loads(as_json({"x": 0.1 + 0.2, "y": (1, 2)})) == {"x": 0.1 + 0.2, "y": [1, 2]}


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (7.4, "0:07"), (750, "12:30"), (3900, "1:05:00"), (-1, "0:00")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_time_left_is_only_told_when_it_can_be():
    assert Pace(100.0).left(5, 20, 110.0) == 30
    assert Pace(100.0).left(20, 20, 110.0) == 0
    assert Pace(100.0).left(0, 20, 110.0) is None
    assert Pace(100.0).left(5, None, 110.0) is None


def test_stored_steps_of_a_continued_run_do_not_count():
    pace = Pace(100.0)
    for done in range(1, 11):
        assert pace.left(done, 20, 112.0 + done * 1e-5) is None or done == 1
    assert pace.left(11, 20, 114.0) == pytest.approx(9 * 2, abs=0.01), "2 s a step, 9 to go"
    assert pace.left(12, 20, 118.0) == pytest.approx(8 * 3, abs=0.01)
