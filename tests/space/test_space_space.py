import copy
import pickle

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from space_strategies import cases, generators

from archwright.errors import UserError
from archwright.space import Arch, Choice, Ordinal, Real, Space

OP = Choice("op", ["conv", "skip", "pool"])
WIDTH = Ordinal("width", [8, 16, 32])
RATE = Real("rate", 0, 1)
SPACE = Space([WIDTH, OP, RATE], when={"width": {"op": ["conv"]}})


def thin(arch):
    return arch.get("width", 0) < 32


def no_width(arch):
    return arch if arch["op"] == "conv" else Arch({"op": "skip", "rate": arch["rate"]})


def star(arch):
    return nx.star_graph(len(arch), create_using=nx.DiGraph)


def test_lists_its_variables():
    assert SPACE.variables == (WIDTH, OP, RATE)
    assert SPACE.names == ("width", "op", "rate")
    assert SPACE["op"] is OP
    assert SPACE.when == {"width": [{"op": ["conv"]}]}
    assert Space([OP], where=thin).where == Space([OP], where=[thin]).where == (thin,)


def test_unknown_variable_names_the_nearest():
    with pytest.raises(UserError, match=r"'widht'; did you mean 'width'.*Allowed: op, rate, width"):
        SPACE["widht"]


def test_is_not_iterable():
    with pytest.raises(TypeError):
        list(SPACE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variables": [OP, Choice("op", [1])]}, "'op'"),
        ({"variables": ["op"]}, "Choice, Ordinal and Real"),
        ({"variables": OP}, "list"),
        ({"variables": [OP], "where": [3]}, "function"),
        ({"variables": [OP], "where": 3}, "where"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(UserError, match=message):
        Space(**arguments)


def test_empty_space_has_one_architecture():
    space = Space([])
    rng = np.random.default_rng(0)
    assert space.size == 1
    assert space.sample(rng) == {}
    assert space.encode({}).shape == (0,)
    with pytest.raises(UserError, match="nothing can change"):
        space.mutate({}, rng)


def test_membership():
    assert {"op": "skip", "rate": 0.5} in SPACE
    assert Arch({"rate": 1, "op": "conv", "width": 8}) in SPACE
    for wrong in (
        {"op": "skip", "rate": 0.5, "width": 8},
        {"op": "conv", "rate": 0.5},
        {"op": "skip"},
        {"op": "skip", "rate": 2},
        {"op": ["skip"], "rate": 0.5},
        {"op": "skip", "rate": 0.5, "depth": 1},
        "op",
        None,
    ):
        assert wrong not in SPACE


def test_membership_asks_the_constraints():
    space = Space([OP, WIDTH], where=thin)
    assert {"op": "conv", "width": 16} in space
    assert {"op": "conv", "width": 32} not in space


def test_arch_is_normalised():
    arch = SPACE.arch({"rate": np.float32(0.5), "op": np.str_("conv"), "width": np.float64(8)})
    assert list(arch.items()) == [("width", 8), ("op", "conv"), ("rate", 0.5)]
    assert type(arch["width"]) is int
    assert SPACE.arch(arch) == arch


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"op": "conf", "rate": 0}, r"'op' cannot be 'conf'; allowed: \['conv', 'skip', 'pool'\]"),
        ({"op": "conv", "rate": 0}, r"'width' is missing; allowed: \[8, 16, 32\]"),
        ({"width": 8, "rate": 0}, "'op' is missing"),
        ({"op": "skip", "width": 8, "rate": 0}, "'width' is not active"),
        ({"op": "skip", "rate": 7}, "'rate' cannot be 7"),
        ({"op": "skip", "rate": 0, "opp": 1}, "'opp'; did you mean 'op'"),
        ("op", "mapping"),
    ],
)
def test_arch_says_what_is_wrong(values, message):
    with pytest.raises(UserError, match=message):
        SPACE.arch(values)


def test_arch_names_the_constraint():
    with pytest.raises(UserError, match="thin"):
        Space([WIDTH], where=thin).arch({"width": 32})


def test_constraint_that_reads_an_inactive_variable_is_explained():
    space = Space([OP, WIDTH], when={"width": {"op": ["conv"]}}, where=lambda arch: arch["width"] < 32)
    with pytest.raises(UserError, match=r"lambda at test_space_space.py:\d+ reads 'width'.*arch.get"):
        space.arch({"op": "skip"})


def test_active():
    assert SPACE.active({"op": "conv"}) == ("width", "op", "rate")
    assert SPACE.active({"op": "skip", "width": 8}) == ("op", "rate")
    with pytest.raises(UserError, match="'op' is missing"):
        SPACE.active({"rate": 0.5})


def test_one_hot():
    weights = SPACE.one_hot({"op": "skip", "rate": 0.5})
    assert {n: w.tolist() for n, w in weights.items()} == {"width": [1, 0, 0], "op": [0, 1, 0]}
    assert all(w.dtype == np.float32 for w in weights.values())
    assert SPACE.one_hot({"op": "conv", "rate": 0.5, "width": 32})["width"].tolist() == [0, 0, 1]


def test_one_hot_arrays_belong_to_the_caller():
    SPACE.one_hot({"op": "skip", "rate": 0.5})["op"][:] = 0
    assert SPACE.one_hot({"op": "skip", "rate": 0.5})["op"].tolist() == [0, 1, 0]


def test_restrict():
    space = Space([OP, WIDTH, RATE], when={"width": {"op": ["conv", "pool"]}}, where=thin, name="small")
    part = space.restrict({"op": ["pool", "skip"], "rate": (0.25, 0.5)})
    assert part["op"].options == ("skip", "pool")
    assert part["rate"] == Real("rate", 0.25, 0.5)
    assert part.when == {"width": [{"op": ["pool"]}]}
    assert part.where == (thin,)
    assert part.name == "small"
    assert space["op"] is OP
    assert {"op": "conv", "width": 8, "rate": 0.3} not in part


def test_restrict_can_make_a_child_impossible():
    part = SPACE.restrict({"op": ["skip", "pool"], "rate": (0, 0)})
    assert part.names == SPACE.names
    assert part.when == {"width": []}
    assert part.size == 2
    assert "width" not in part.sample(np.random.default_rng(0))


def test_restrict_to_one_option_keeps_the_variable():
    part = SPACE.restrict({"width": [16]})
    assert part["width"] == Ordinal("width", [16])
    assert part.one_hot({"op": "skip", "rate": 0})["width"].tolist() == [1]


@pytest.mark.parametrize("options", [{"ops": ["conv"]}, {"op": ["conv", "dil"]}, {"op": []}, {"rate": (0, 2)}])
def test_restrict_refuses(options):
    with pytest.raises(UserError):
        SPACE.restrict(options)


def test_canonical_drops_inactive_variables():
    assert SPACE.canonical({"op": "skip", "width": 8, "rate": 0}) == {"op": "skip", "rate": 0}
    with pytest.raises(UserError, match="'op'"):
        SPACE.canonical({"op": "conf", "rate": 0})


def test_canonical_of_the_space():
    space = Space(SPACE.variables, when=SPACE.when, canonical=no_width)
    assert space.canonical({"op": "pool", "rate": 0.5}) == {"op": "skip", "rate": 0.5}
    assert space.restrict({"op": ["pool"]}).canonical({"op": "pool", "rate": 0.5})["op"] == "skip"


def test_graph_is_a_chain_of_the_active_variables():
    graph = SPACE.graph({"op": "skip", "rate": 0.5})
    assert [graph.nodes[n]["op"] for n in nx.topological_sort(graph)] == ["input", "op=skip", "rate=0.5", "output"]
    assert list(graph.edges) == [(0, 1), (1, 2), (2, 3)]


def test_graph_of_the_space():
    assert Space([OP, WIDTH], graph=star).graph({"op": "conv", "width": 8}).number_of_nodes() == 3


def test_equality_and_hash():
    twin = Space([WIDTH, OP, RATE], when={"width": [{"op": ("conv",)}]})
    assert twin == SPACE
    assert hash(twin) == hash(SPACE)
    assert Space([WIDTH, OP, RATE]) != SPACE
    assert repr(SPACE) == "Space(3 variables, 1 conditional, 0 constraints)"


def test_pickles_and_copies():
    space = Space([OP, WIDTH], when={"width": {"op": ["conv"]}}, where=thin, canonical=no_width, graph=star, name="x")
    for twin in (pickle.loads(pickle.dumps(space)), copy.deepcopy(space)):
        assert twin == space
        assert twin.sample(np.random.default_rng(3)) == space.sample(np.random.default_rng(3))


@given(cases(constraints=False), generators)
def test_restriction_is_a_subset(case, rng):
    space = case.space
    options = {v.name: [o for o in v.options if rng.random() < 0.6] or [v.options[-1]] for v in case.variables}
    part = space.restrict(options)
    expected = {arch for arch in case.all() if all(value in options[name] for name, value in arch.items())}
    assert part.size == len(expected)
    for _ in range(5):
        arch = part.sample(rng)
        assert arch in expected
        assert arch in space


@given(cases(reals=True, constraints=False), generators)
def test_active_agrees_with_the_definition(case, rng):
    arch = case.space.sample(rng)
    full = {v.name: arch.get(v.name, v.at(0.0)) for v in case.variables}
    assert case.space.active(full) == tuple(arch) == tuple(n for n in full if case.is_active(n, full))
    assert case.space.canonical(full) == arch


@given(cases(reals=True, constraints=False), generators)
def test_arch_of_a_member_is_itself(case, rng):
    arch = case.space.sample(rng)
    shuffled = dict(sorted(arch.items(), reverse=True))
    again = case.space.arch(shuffled)
    assert again == arch
    assert list(again) == list(arch)
