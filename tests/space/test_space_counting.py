import functools
import itertools
import math
import time

import pytest
from hypothesis import given, settings
from space_strategies import cases

from archwright.errors import UserError
from archwright.space import Choice, Ordinal, Real, Space
from archwright.space._conditions import Conditions
from archwright.space._counting import Counter


def choices(count, options=3):
    return [Choice(f"v{i}", range(options)) for i in range(count)]


def stages(count):
    """`count` stages of 2 to 4 blocks with three kernels each: (9 + 27 + 81) ** count architectures."""
    made, when = [], {}
    for s in range(count):
        made.append(Ordinal(f"depth{s}", [2, 3, 4]))
        for b in range(4):
            made.append(Choice(f"kernel{s}.{b}", [3, 5, 7]))
            if b >= 2:
                when[f"kernel{s}.{b}"] = {f"depth{s}": list(range(b + 1, 5))}
    return made, when


@given(cases())
@settings(max_examples=150)
def test_size_is_the_number_of_distinct_architectures(case):
    assert case.space.size == len(case.all())


def test_without_conditions_sizes_multiply():
    assert Space(choices(200)).size == 3**200


def test_stages_are_counted_at_once():
    started = time.perf_counter()
    variables, when = stages(10)
    assert len(variables) == 50
    assert Space(variables, when=when).size == 117**10
    assert time.perf_counter() - started < 1.0


def test_a_long_chain_is_counted_at_once():
    """v0 = 0 ends the chain: the count obeys n = 1 + 2 * (the same for one variable less)."""
    when = {f"v{i}": {f"v{i - 1}": [1, 2]} for i in range(1, 60)}
    expected = functools.reduce(lambda n, _: 1 + 2 * n, range(60), 1)
    assert Space(choices(60), when=when).size == expected


def test_one_switch_over_many():
    when = {f"v{i}": {"v0": [1]} for i in range(1, 50)}
    assert Space(choices(50), when=when).size == 2 + 3**49


def test_constraints_on_separate_parts_are_counted_separately():
    space = Space(
        choices(40, 4),
        where=[
            lambda a: a["v0"] < a["v1"],
            lambda a: a["v7"] == a["v8"] == a["v9"],
            lambda a: sum((a["v1"], a["v2"])) > 5,
        ],
    )
    pairs = sum(v0 < v1 and v1 + v2 > 5 for v0, v1, v2 in itertools.product(range(4), repeat=3))
    assert space.size == pairs * 4 * 4**34


def test_constraints_meet_conditions():
    variables, when = stages(10)
    space = Space(variables, when=when, where=lambda a: a["depth0"] + a["depth9"] <= 5)
    assert space.size == (9 * 9 + 2 * 9 * 27) * 117**8


def test_constraints_that_read_little_leave_the_rest():
    space = Space(choices(50), where=[lambda a: a["v0"] == 0 or a["v1"] == 0, lambda a: True])
    assert space.size == 5 * 3**48


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (lambda a: False, 0),
        (lambda a: len(a) == 3, 27),
        (lambda a: "v1" in a and "v9" not in a, 27),
        (lambda a: sum(a.values()) == 2, 6),
        (lambda a: dict(a) == {"v0": 0, "v1": 1, "v2": 2}, 1),
        (lambda a: list(a) == ["v0", "v1", "v2"], 27),
        (lambda a: a.get("v0") == a.get("v2"), 9),
    ],
)
def test_every_way_to_read_an_architecture(where, expected):
    assert Space(choices(3), where=where).size == expected


def test_a_constraint_that_swallows_errors_is_still_counted_right():
    def careless(arch):
        try:
            return arch["v0"] == arch["v2"]
        except BaseException:
            return False

    assert Space(choices(3), where=careless).size == 9


def test_constraint_that_reads_a_missing_variable():
    with pytest.raises(UserError, match="'depth'"):
        _ = Space(choices(2), where=lambda a: a["depth"] == 1).size


def test_reals():
    assert Space([*choices(2), Real("r", 0, 1)]).size == math.inf
    assert Space([*choices(2), Real("r", 1, 1)], where=lambda a: a["v0"] == a["r"]).size == 3


def test_gives_up_instead_of_guessing():
    space = Space(choices(20), where=lambda a: sum(a.values()) % 2 == 0)
    variables = {v.name: v for v in space.variables}
    with pytest.raises(UserError, match="more than 1000 steps"):
        Counter(variables, Conditions(variables, {}), space.where, limit=1000).count()
