import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from space_strategies import generators

from archwright.errors import UserError
from archwright.space import Choice, Ordinal, Real


def test_equal_and_hashed_by_value():
    assert Choice("op", ["a", "b"]) == Choice(name="op", options=("a", "b"))
    assert hash(Choice("op", ["a", "b"])) == hash(Choice("op", ("a", "b")))
    assert Choice("op", ["a", "b"]) != Choice("op", ["b", "a"])
    assert Choice("w", [1, 2]) != Ordinal("w", [1, 2])
    assert len({Real("r", 0, 1), Real("r", 0.0, 1.0), Real("r", 0, 1, log=False)}) == 1


def test_frozen():
    with pytest.raises(AttributeError):
        Choice("op", ["a"]).name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    "variable", [Choice("op", ["a", None, 2.5]), Ordinal("w", [1, 2]), Real("r", 0.1, 1, log=True)]
)
def test_pickles(variable):
    assert pickle.loads(pickle.dumps(variable)) == variable


def test_options_become_plain_tuples():
    assert Ordinal("w", np.arange(8, 25, 8)).options == (8, 16, 24)
    assert all(type(o) is int for o in Ordinal("w", np.arange(8, 25, 8)).options)
    assert Choice("op", (o for o in "ab")).options == ("a", "b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "at least one"),
        (["a", "a"], "'a' is there twice"),
        ([1, True], "distinct"),
        ([1, 1.0], "distinct"),
        ("ab", "list"),
        (3, "list"),
        ({"a", "b"}, "order"),
        ([["a"]], "list"),
        ([math.nan], "finite"),
    ],
)
def test_choice_refuses(options, message):
    with pytest.raises(UserError, match=message):
        Choice("op", options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "at least one"),
        ([1, 1], "increase"),
        ([2, 1], "2 is followed by 1"),
        (["a"], "number"),
        ([True], "number"),
        ([None], "number"),
        ([1, math.inf], "finite"),
    ],
)
def test_ordinal_refuses(options, message):
    with pytest.raises(UserError, match=message):
        Ordinal("w", options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 0), "low"),
        ((0, 1, True), "low > 0"),
        ((-1, 1, True), "low > 0"),
        ((0, math.inf), "finite"),
        (("a", 1), "number"),
        ((True, 1), "number"),
    ],
)
def test_real_refuses(arguments, message):
    with pytest.raises(UserError, match=message):
        Real("r", *arguments)


@pytest.mark.parametrize("name", ["", None, 3])
def test_names_are_strings(name):
    for make in (lambda: Choice(name, ["a"]), lambda: Ordinal(name, [1]), lambda: Real(name, 0, 1)):
        with pytest.raises(UserError, match="name"):
            make()


def test_check_gives_the_own_value():
    width = Ordinal("w", [8, 16])
    assert width.check(np.int64(16)) == 16
    assert type(width.check(16.0)) is int
    assert type(Choice("b", [True, False]).check(1)) is bool
    assert type(Real("r", 0, 4).check(3)) is float


@pytest.mark.parametrize("value", [9, "8", None, [8], math.nan])
def test_check_refuses_with_the_allowed_values(value):
    with pytest.raises(UserError, match=r"'w' cannot be .*allowed: \[8, 16\]"):
        Ordinal("w", [8, 16]).check(value)


@pytest.mark.parametrize("value", [1.1, -0.1, "0.5", None, True, math.nan])
def test_real_check_refuses(value):
    with pytest.raises(UserError, match=r"from 0\.0 to 1\.0"):
        Real("r", 0, 1).check(value)


def test_count():
    assert Choice("op", ["a", "b", "c"]).count == 3
    assert Real("r", 0, 1).count == math.inf
    assert Real("r", 1, 1).count == 1


def test_restrict_keeps_the_order():
    assert Choice("op", ["a", "b", "c"]).restrict(["c", "a"]) == Choice("op", ["a", "c"])
    assert Ordinal("w", [1, 2, 4]).restrict({4, 1}) == Ordinal("w", [1, 4])
    assert Real("r", 0, 4, log=False).restrict((1, 2)) == Real("r", 1, 2)
    assert Real("r", 1, 4, log=True).restrict((1, 2)) == Real("r", 1, 2, log=True)


@pytest.mark.parametrize("options", [[], ["d"], "a", None, ["a", "d"]])
def test_restrict_refuses_what_is_not_there(options):
    with pytest.raises(UserError, match="op"):
        Choice("op", ["a", "b"]).restrict(options)


@pytest.mark.parametrize("bounds", [(0, 5), (3,), (3, 2), 2, "12"])
def test_real_restrict_refuses(bounds):
    with pytest.raises(UserError, match="'r'"):
        Real("r", 1, 4).restrict(bounds)


def test_log_scale():
    real = Real("r", 1e-4, 1, log=True)
    assert real.at(0.5) == pytest.approx(1e-2)
    assert real.position(1e-3) == pytest.approx(0.25)
    assert real.at(0.0) >= 1e-4
    assert real.at(1.0) <= 1.0


@given(st.floats(1e-6, 1e3), st.floats(0, 1e3), st.booleans(), st.floats(0, 1))
def test_real_position_inverts_at(low, width, log, u):
    real = Real("r", low, low + width, log)
    value = real.at(u)
    assert real.has(value)
    assert real.at(real.position(value)) == pytest.approx(value, rel=1e-9)


@given(st.integers(2, 9), generators)
def test_finite_other_differs(count, rng):
    variable = Ordinal("w", range(count))
    assert {variable.other(3 % count, rng) for _ in range(200)} == set(range(count)) - {3 % count}


@given(st.floats(-10, 10), st.floats(1e-3, 10), generators)
def test_real_other_differs_and_stays_inside(low, width, rng):
    real = Real("r", low, low + width)
    for value in (real.low, real.high, real.at(0.5)):
        other = real.other(value, rng)
        assert other != value
        assert real.has(other)


def test_real_other_in_the_smallest_interval():
    real = Real("r", 1.0, math.nextafter(1.0, 2.0))
    rng = np.random.default_rng(0)
    assert real.other(real.low, rng) == real.high
    assert real.other(real.high, rng) == real.low


def test_real_step_is_a_tenth_of_the_range():
    rng = np.random.default_rng(0)
    real = Real("r", 0, 10)
    assert np.std([real.other(5.0, rng) for _ in range(4000)]) == pytest.approx(1.0, rel=0.05)
    real = Real("r", 1e-4, 1, log=True)
    steps = [math.log10(real.other(1e-2, rng)) for _ in range(4000)]
    assert np.std(steps) == pytest.approx(0.4, rel=0.05)
