import collections
import math
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from space_strategies import cases, generators

from archwright.errors import Infeasible, UserError
from archwright.space import Arch, Choice, Finite, Ordinal, Real, Space

OPS = Choice("op", ["conv", "skip", "pool"])
WIDTH = Ordinal("width", [8, 16, 32, 64])
CHILD = Space([OPS, WIDTH], when={"width": {"op": ["conv"]}})


def never(arch):
    return False


def rng_of(seed=0):
    return np.random.default_rng(seed)


def chi_square(counts, expected):
    return sum((counts[k] - e) ** 2 / e for k, e in expected.items())


def test_sampling_is_uniform_over_each_active_variable():
    rng = rng_of()
    counts = collections.Counter((a["op"], a.get("width")) for a in (CHILD.sample(rng) for _ in range(12_000)))
    expected = {("skip", None): 4000, ("pool", None): 4000} | {("conv", w): 1000 for w in WIDTH.options}
    assert counts.keys() == expected.keys()
    assert chi_square(counts, expected) < 20.5  # 99.9 % of chi-square with 5 degrees of freedom


def test_unconditional_sampling_is_uniform_over_the_space():
    space = Space([OPS, WIDTH])
    rng = rng_of()
    counts = collections.Counter(space.sample(rng) for _ in range(12_000))
    assert len(counts) == 12
    assert chi_square(counts, dict.fromkeys(counts, 1000)) < 31.3  # 99.9 %, 11 degrees


def test_constrained_sampling_is_uniform_over_what_is_left():
    space = Space([OPS, WIDTH], where=lambda arch: arch["op"] != "conv" or arch["width"] < 32)
    rng = rng_of()
    counts = collections.Counter(space.sample(rng) for _ in range(10_000))
    assert len(counts) == 10
    assert chi_square(counts, dict.fromkeys(counts, 1000)) < 27.9  # 99.9 %, 9 degrees


@pytest.mark.parametrize("log", [False, True])
def test_reals_are_uniform_on_their_scale(log):
    real = Real("rate", 0.01, 1, log=log)
    space = Space([OPS, real])
    rng = rng_of()
    u = np.sort([real.position(space.sample(rng)["rate"]) for _ in range(4000)])
    distance = np.abs(u - (np.arange(4000) + 0.5) / 4000).max()  # Kolmogorov-Smirnov
    assert distance < 1.95 / math.sqrt(4000)


def test_same_generator_same_architecture():
    assert [CHILD.sample(rng_of(7)) for _ in range(3)] == [CHILD.sample(rng_of(7))] * 3


def drawn(space, seed=0):
    """Keys of a sample, a mutant with several changes, a child and a neighbour."""
    rng = rng_of(seed)
    a, b = space.sample(rng), space.sample(rng)
    return [arch.key for arch in (a, b, space.mutate(a, rng, 3), space.crossover(a, b, rng), *space.neighbours(a)[:3])]


def test_equal_spaces_draw_the_same():
    """The order in which `when` is written, and a trip through JSON, change nothing."""
    variables = [Choice(f"v{i}", range(4)) for i in range(12)]
    when = {f"v{i}": {f"v{(i * 5) % 6}": [0, 1, 2], f"v{(i * 7 + 1) % 6}": [1, 2, 3]} for i in range(6, 12)}
    space = Space(variables, when=when)
    for twin in (Space(variables, when=dict(reversed(when.items()))), Space.from_json(space.to_json())):
        assert twin == space
        assert [drawn(twin, seed) for seed in range(20)] == [drawn(space, seed) for seed in range(20)]


def test_other_processes_draw_the_same():
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from test_space_moves import drawn
from archwright.space import Choice, Space
when = {
    f"v{i}": [{f"v{(i * 5) % 6}": [0], f"v{(i * 7 + 1) % 6}": [1, 2, 3]}, {f"v{i % 6}": [3, 1]}]
    for i in range(6, 12)
}
space = Space([Choice(f"v{i}", range(4)) for i in range(12)], when=when)
print([drawn(space, seed) for seed in range(20)])
"""
    command = [sys.executable, "-c", code, str(pathlib.Path(__file__).parent)]
    seeds = ("0", "1", "2")
    outputs = {subprocess.check_output(command, env={**os.environ, "PYTHONHASHSEED": seed}) for seed in seeds}
    assert len(outputs) == 1


def test_sample_gives_up_with_the_constraint_that_refused():
    with pytest.raises(Infeasible, match=r"10000 tries were refused, by never \(10000\)"):
        Space([OPS], where=never).sample(rng_of())


def test_messages_count_the_refusals_of_each_constraint():
    space = Space([OPS], where=[lambda arch: arch["op"] != "conv", never])
    with pytest.raises(Infeasible, match=r"by never \(6\d\d\d\), lambda at test_space_moves.py:\d+ \(3\d\d\d\)"):
        space.sample(rng_of())


def test_mutation_chooses_variables_and_options_uniformly():
    space = Space([OPS, WIDTH, Choice("fixed", [1])])
    arch = space.arch({"op": "conv", "width": 8, "fixed": 1})
    rng = rng_of()
    counts = collections.Counter(space.mutate(arch, rng) for _ in range(6000))
    expected = {arch.replace({"op": o}): 1500 for o in ("skip", "pool")}
    expected |= {arch.replace({"width": w}): 1000 for w in (16, 32, 64)}
    assert counts.keys() == expected.keys()
    assert chi_square(counts, expected) < 18.5  # 99.9 %, 4 degrees


def test_mutation_adds_and_drops_children():
    rng = rng_of()
    grown = {CHILD.mutate({"op": "skip"}, rng) for _ in range(200)}
    assert grown == {Arch({"op": "pool"}), *(Arch({"op": "conv", "width": w}) for w in WIDTH.options)}
    for _ in range(50):
        arch = CHILD.mutate({"op": "conv", "width": 8}, rng)
        assert (arch["op"] == "conv") == ("width" in arch)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 9])
def test_mutation_changes_n_variables(n):
    space = Space([Choice(f"v{i}", range(3)) for i in range(4)])
    arch = space.sample(rng_of())
    for seed in range(20):
        changed = space.mutate(arch, rng_of(seed), n)
        assert sum(changed[name] != arch[name] for name in arch) == min(n, 4)


def test_mutation_refuses_what_cannot_change():
    space = Space([Choice("op", ["conv"]), Real("rate", 1, 1)])
    with pytest.raises(UserError, match="nothing can change"):
        space.mutate({"op": "conv", "rate": 1}, rng_of())
    with pytest.raises(UserError, match="n must be at least 1"):
        CHILD.mutate({"op": "skip"}, rng_of(), 0)


def test_moves_refuse_strangers():
    for move in (
        lambda: CHILD.mutate({"op": "conv"}, rng_of()),
        lambda: CHILD.mutate(Arch({"op": "conf"}), rng_of()),
        lambda: CHILD.crossover({"op": "skip"}, {"ops": "skip"}, rng_of()),
        lambda: CHILD.neighbours(Arch({"op": "skip", "width": 8})),
    ):
        with pytest.raises(UserError):
            move()


def test_mutation_finds_the_needle():
    """One of 300 x 299 changes is allowed: rejection will mostly miss it, the neighbours do not."""
    space = Space([Choice("a", range(3000)), Choice("b", range(3000))], where=lambda arch: arch["a"] == arch["b"] + 7)
    assert space.mutate({"a": 0, "b": 1}, rng_of()) in ({"a": 8, "b": 1},)


def test_mutation_gives_up():
    space = Space([WIDTH], where=lambda arch: arch["width"] == 8)
    with pytest.raises(Infeasible, match="1000 tries were refused, by lambda"):
        space.mutate({"width": 8}, rng_of())


def test_crossover_takes_each_variable_from_either_parent():
    space = Space([Choice(f"v{i}", range(2)) for i in range(3)])
    a, b = (dict.fromkeys(space.names, i) for i in range(2))
    rng = rng_of()
    counts = collections.Counter(space.crossover(a, b, rng) for _ in range(8000))
    assert len(counts) == 8
    assert chi_square(counts, dict.fromkeys(counts, 1000)) < 24.4  # 99.9 %, 7 degrees


def test_crossover_fills_in_children():
    rng = rng_of()
    children = [CHILD.crossover({"op": "conv", "width": 8}, {"op": "skip"}, rng) for _ in range(100)]
    assert set(children) == {Arch({"op": "conv", "width": 8}), Arch({"op": "skip"})}
    space = Space([Choice("a", [0, 1]), Choice("b", [0, 1]), WIDTH], when={"width": {"a": [1], "b": [1]}})
    children = [space.crossover({"a": 0, "b": 1}, {"a": 1, "b": 0}, rng) for _ in range(400)]
    assert {c["width"] for c in children if "width" in c} == set(WIDTH.options)


def test_crossover_falls_back_to_an_allowed_parent():
    space = Space([Choice(f"v{i}", range(2)) for i in range(30)], where=lambda arch: sum(arch.values()) == 30)
    ones, zeros = (dict.fromkeys(space.names, i) for i in (1, 0))
    assert space.crossover(ones, zeros, rng_of()) == ones
    with pytest.raises(Infeasible, match="1000 tries"):
        space.crossover(zeros, zeros, rng_of())


def test_neighbours():
    assert CHILD.neighbours({"op": "skip"}) == [{"op": "conv", "width": 8}, {"op": "pool"}]
    assert CHILD.neighbours({"op": "conv", "width": 16}) == [
        {"op": "skip"},
        {"op": "pool"},
        {"op": "conv", "width": 8},
        {"op": "conv", "width": 32},
        {"op": "conv", "width": 64},
    ]
    space = Space([OPS, Real("rate", 0.5, 1)], when={"rate": {"op": ["conv"]}}, where=lambda arch: arch["op"] != "pool")
    assert space.neighbours({"op": "skip"}) == [{"op": "conv", "rate": 0.5}]
    assert space.neighbours({"op": "conv", "rate": 0.7}) == [{"op": "skip"}]


@given(cases(reals=True), generators, st.integers(1, 3))
def test_everything_drawn_is_a_member(case, rng, n):
    space = case.space
    try:
        a, b = space.sample(rng), space.sample(rng)
    except Infeasible:
        assume(False)
    assert a in space
    assert all(a[name] == space[name].check(a[name]) for name in a)
    child = space.crossover(a, b, rng)
    assert child in space
    for neighbour in space.neighbours(a):
        assert neighbour in space
        assert neighbour != a
    try:
        mutant = space.mutate(a, rng, n)
    except Infeasible:
        assert not space.neighbours(a)
        return
    except UserError:
        assert all(space[name].count == 1 for name in a)
        return
    assert mutant in space
    assert mutant != a
    for arch in (a, child, mutant, *space.neighbours(a)):
        assert list(arch) == [name for name in space.names if name in arch]


@given(cases(reals=True, constraints=False), generators, st.integers(1, 3))
def test_mutation_changes_exactly_what_it_may(case, rng, n):
    space = case.space
    a = space.sample(rng)
    assume(any(space[name].count > 1 for name in a))
    mutant = space.mutate(a, rng, n)
    changed = [name for name in a if name in mutant and mutant[name] != a[name]]
    assert 1 <= len(changed) <= n
    parents = {p for terms in case.when.values() for term in terms for p in term}
    if parents.isdisjoint(changed):
        assert set(mutant) == set(a)
        assert len(changed) == min(n, sum(space[name].count > 1 for name in a))


@given(cases(reals=True, constraints=False), generators)
def test_children_inherit(case, rng):
    space = case.space
    a, b = space.sample(rng), space.sample(rng)
    child = space.crossover(a, b, rng)
    for name, value in child.items():
        if name in a or name in b:
            assert value in [p[name] for p in (a, b) if name in p]


@given(cases(), generators)
def test_neighbours_are_complete_where_children_stay(case, rng):
    space = case.space
    members = case.all()
    assume(members)
    arch = sorted(members, key=lambda a: a.key)[0]
    near = space.neighbours(arch)
    assert len(set(near)) == len(near)
    expected = {
        other
        for other in members
        if other.keys() == arch.keys() and sum(other[name] != arch[name] for name in arch) == 1
    }
    assert expected <= set(near) <= members


@given(cases())
def test_samples_reach_every_architecture(case):
    members = case.all()
    assume(1 < len(members) <= 12)
    space, rng = case.space, rng_of()
    seen = {space.sample(rng) for _ in range(1000)}
    assert seen <= members
    smallest = 1 / math.prod(v.count for v in case.variables if isinstance(v, Finite))
    if smallest > 1 / 100:
        assert seen == members
