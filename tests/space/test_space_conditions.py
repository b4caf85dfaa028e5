import numpy as np
import pytest
from hypothesis import given
from space_strategies import cases

from archwright.errors import UserError
from archwright.space import Arch, Choice, Ordinal, Real, Space

A = Choice("a", [0, 1])
B = Choice("b", [0, 1])
C = Choice("c", [0, 1])
R = Real("r", 0, 1)


def test_all_parents_of_a_term_must_hold():
    space = Space([A, B, C], when={"c": {"a": [1], "b": [1]}})
    assert {"a": 1, "b": 1, "c": 0} in space
    assert {"a": 1, "b": 0} in space
    assert {"a": 1, "b": 0, "c": 0} not in space
    assert space.size == 5


def test_any_term_of_a_list_must_hold():
    space = Space([A, B, C], when={"c": [{"a": [1]}, {"b": [1]}]})
    assert {"a": 0, "b": 0} in space
    assert {"a": 0, "b": 1, "c": 0} in space
    assert space.size == 7


def test_inactive_parents_hold_nothing():
    space = Space([A, B, C], when={"c": {"b": [0, 1]}, "b": {"a": [1]}})
    assert {"a": 0} in space
    assert {"a": 0, "c": 0} not in space
    assert space.size == 5


def test_children_before_parents():
    space = Space([C, B, A], when={"c": {"b": [1]}, "b": {"a": [1]}})
    assert list(space.when) == ["b", "c"]
    assert list(space.arch({"a": 1, "b": 1, "c": 0})) == ["c", "b", "a"]
    assert space.size == 4


def test_empty_term_is_always_and_empty_list_is_never():
    assert Space([A, B], when={"b": {}}).size == 4
    assert Space([A, B], when={"b": []}).size == 2
    assert Space([A, B, C], when={"b": [], "c": {"b": [1]}}).size == 2
    assert Space([A, B], when={"b": [{"a": []}]}).size == 2


def test_real_children():
    space = Space([A, R], when={"r": {"a": [1]}})
    assert {"a": 0} in space
    assert {"a": 1, "r": 0.5} in space


def test_values_equal_to_an_option_are_that_option():
    space = Space([Ordinal("w", [8, 16]), A], when={"a": {"w": [np.int64(16)]}})
    assert space.when == {"a": [{"w": [16]}]}


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"d": {"a": [1]}}, "unknown variable 'd'"),
        ({"b": {"d": [1]}}, "`when` of 'b': unknown variable 'd'"),
        ({"b": {"a": [2]}}, "`when` of 'b': 'a' cannot be 2"),
        ({"b": {"r": [0.5]}}, "'r' is continuous"),
        ({"b": {"a": 1}}, "list of values"),
        ({"b": ["a"]}, "parent"),
        ({"b": 3}, "list"),
        ([("b", "a")], "expected"),
        ({"a": {"a": [1]}}, "cycle: a <- a"),
        ({"a": {"b": [1]}, "b": {"c": [1]}, "c": {"a": [1]}}, "cycle"),
    ],
)
def test_refuses(when, message):
    with pytest.raises(UserError, match=message):
        Space([A, B, C, R], when=when)


@given(cases(constraints=False))
def test_members_are_exactly_those_of_the_definition(case):
    space, members = case.space, case.all()
    for arch in members:
        assert arch in space
        for name in case.when:
            changed = dict(arch)
            if changed.pop(name, None) is None:
                changed[name] = space[name].at(0.0)
            assert (changed in space) == (Arch(changed) in members)
