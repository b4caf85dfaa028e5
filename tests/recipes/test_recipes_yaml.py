"""YAML 1.2 core schema: what people mean is what is read."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archwright.errors import UserError
from archwright.recipes import dump
from archwright.recipes._yaml import parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3), ("1.5e2", 150.0), (".5", 0.5), ("2.", 2.0), ("-1", -1), ("010", 10), ("40_000", 40000),
        ("true", True), ("False", False), ("no", "no"), ("on", "on"), ("~", None), ("", None), ("null", None),
        ("12:30", "12:30"), ("2026-11-21", "2026-11-21"), ("1.2.3", "1.2.3"), ("e5", "e5"), (".inf", math.inf),
        ("4MB", "4MB"),
        ("[1, a]", [1, "a"]), ("{a: 1e2}", {"a": 100.0}),
    ],
)  # fmt: skip
def test_scalars(text, value):
    found = parse(text, "here")
    assert found == value
    assert type(found) is type(value)


def test_key_written_twice_is_an_error_with_its_line():
    with pytest.raises(UserError, match=r"mine.yaml: line 1: the key 'a' is written twice"):
        parse("a: 1\nb: 2\na: 3", "mine.yaml")


def test_broken_yaml_names_file_and_line():
    with pytest.raises(UserError, match=r"mine.yaml: line 3: not YAML: expected") as error:
        parse("a: 1\nb: [1, 2\nc: 3}", "mine.yaml")
    assert "\n" not in str(error.value)


def test_no_python_objects_from_a_file():
    with pytest.raises(UserError, match="not YAML"):
        parse("!!python/object/apply:os.getcwd []", "mine.yaml")


def test_merge_keys_still_work():
    assert parse("base: &b {x: 1}\nmine: {<<: *b, y: 2}", "f")["mine"] == {"x": 1, "y": 2}


_TEXT = st.text(st.characters(exclude_characters="\x85\u2028\u2029"), max_size=12)  # PyYAML takes these for line ends
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(_PLAIN)
def test_what_is_written_reads_back_equal(value):
    assert parse(dump(value), "x") == value


@pytest.mark.parametrize("text", ["1e-3", "no", "null", "", "1", "true", ".inf", "0x1f", "~"])
def test_text_that_looks_like_something_else_stays_text(text):
    assert parse(dump({"a": text}), "x") == {"a": text}
