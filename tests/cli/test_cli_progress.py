"""What a run is doing, on a terminal and off it."""

import io
import itertools
import re

import pytest

from archwright.cli._progress import Bar, Lines, shown


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lines(clock):
    return Lines(io.StringIO(), every=10, now=clock)


def _said(progress):
    return progress._stream.getvalue()


def test_kind_follows_the_stream():
    assert isinstance(shown(io.StringIO()), Lines)
    bar = shown(Terminal())
    assert isinstance(bar, Bar)
    bar.close(finished=True)


def test_lines_are_few_and_the_last_step_is_never_lost(lines, clock):
    lines.phase("train", 1, 2)
    for done in range(1, 31):
        clock.time += 1
        lines.step(done, 30, f"loss {done}")
    lines.phase("search", 2, 2)
    lines.close(finished=True)
    assert _said(lines).splitlines() == [
        "[1/2] train",
        "      10/30  loss 10  (0:10, 0:20 left)",
        "      20/30  loss 20  (0:20, 0:10 left)",
        "      30/30  loss 30  (0:30)",
        "[2/2] search",
    ]


def test_lines_grow_seldom_as_a_phase_goes_on(lines, clock):
    lines.phase("train", 1, 1)
    for done in range(1, 1001):
        clock.time += 1
        lines.step(done, 1000, "")
    lines.close(finished=True)
    said = [int(line.split("/")[0]) for line in _said(lines).splitlines()[1:]]
    assert said[:10] == list(range(10, 101, 10))
    assert len(said) < 40
    assert said[-1] == 1000
    assert all(later - earlier >= later / 10 for earlier, later in itertools.pairwise(said[:-1]))


def test_the_same_step_is_not_said_twice(lines, clock):
    lines.phase("train", 1, 1)
    clock.time += 11
    lines.step(1, 2, "")
    lines.close(finished=True)
    assert _said(lines).count("1/2") == 1


def test_no_promise_without_a_total(lines, clock):
    clock.time += 20
    lines.step(7, None, "candidate 7")
    assert _said(lines) == "      7  candidate 7  (0:20)\n"


def test_table_and_message(lines):
    lines.message("hello")
    lines.table("Pareto set", ["trial", "accuracy"], [[0, 99.123]])
    assert _said(lines).splitlines() == ["      hello", "Pareto set", "trial  accuracy", "    0     99.12"]


def test_bar_leaves_one_line_a_phase(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    bar = Bar(terminal)
    bar.phase("train", 1, 2)
    bar.step(1, 2, "loss 0.5 [x]")
    bar.message("split 10 [train]")
    bar.table("Pareto set", ["trial"], [[0]])
    bar.phase("search", 2, 2)
    bar.close(finished=True)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    assert "[1/2] train  0:00  loss 0.5 [x]" in plain
    assert "split 10 [train]" in plain
    assert "Pareto set" in plain
    assert "[2/2] search  0:00" in plain


@pytest.mark.parametrize("value", ["1", ""])
def test_no_color(monkeypatch, value):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if value:
        monkeypatch.setenv("NO_COLOR", value)
    terminal = Terminal()
    bar = Bar(terminal)
    bar.phase("train", 1, 1)
    bar.step(1, 2, "")
    bar.close(finished=True)
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]", terminal.getvalue())) is (not value)


def test_bar_of_an_interrupted_phase_leaves_no_line_as_if_done(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    bar = Bar(terminal)
    bar.phase("train", 1, 2)
    bar.close(finished=False)
    assert "train  0:00" not in terminal.getvalue()
