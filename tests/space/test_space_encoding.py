import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from space_strategies import cases, generators

from archwright.errors import Infeasible, UserError
from archwright.space import Choice, Ordinal, Real, Space

kinds = st.sampled_from(["mixed", "one_hot", "index"])

SPACE = Space(
    [
        Choice("op", ["conv", "skip"]),
        Ordinal("width", [8, 16, 64]),
        Real("rate", 0.01, 1, log=True),
        Ordinal("one", [5]),
    ],
    when={"width": {"op": ["conv"]}, "rate": {"op": ["conv"]}},
)
FULL = {"op": "conv", "width": 16, "rate": 0.1, "one": 5}
PART = {"op": "skip", "one": 5}


@pytest.mark.parametrize(
    ("kind", "full", "part"),
    [
        ("mixed", [1, 0, 0.5, 0.5, 0], [0, 1, -1, -1, 0]),
        ("one_hot", [1, 0, 0, 1, 0, 0.5, 1], [0, 1, 0, 0, 0, -1, 1]),
        ("index", [0, 1, 0.1, 0], [1, -1, -1, 0]),
    ],
)
def test_known_vectors(kind, full, part):
    np.testing.assert_allclose(SPACE.encode(FULL, kind), full)
    np.testing.assert_allclose(SPACE.encode(PART, kind), part)
    assert len(SPACE.feature_names(kind)) == len(full)


def test_feature_names():
    assert SPACE.feature_names() == ["op=conv", "op=skip", "width", "rate", "one"]
    assert SPACE.feature_names("index") == ["op", "width", "rate", "one"]
    assert SPACE.feature_names("one_hot")[2:5] == ["width=8", "width=16", "width=64"]


def test_decode_takes_the_nearest():
    assert SPACE.decode([0.4, 0.3, 0.8, 2, 9]) == {"op": "conv", "width": 64, "rate": 1, "one": 5}
    assert SPACE.decode([0.3, 0.4, 0.8, 2, 9]) == PART
    assert SPACE.decode([-3, 1.4, 0.001, 0], "index") == {"op": "conv", "width": 16, "rate": 0.01, "one": 5}


@pytest.mark.parametrize("vector", [[1, 0], np.zeros((1, 5)), [1, 0, np.nan, 0, 0], [1, 0, np.inf, 0, 0]])
def test_decode_refuses(vector):
    with pytest.raises(UserError, match="5 finite numbers"):
        SPACE.decode(vector)


def test_unknown_kind():
    with pytest.raises(UserError, match="'onehot'; did you mean 'one_hot'"):
        SPACE.encode(FULL, "onehot")  # type: ignore[arg-type]


def test_encode_refuses_strangers():
    with pytest.raises(UserError, match="'width' is missing"):
        SPACE.encode({"op": "conv"})


@given(cases(reals=True), kinds, generators)
def test_round_trip(case, kind, rng):
    space = case.space
    try:
        arch = space.sample(rng)
    except Infeasible:
        assume(False)
    vector = space.encode(arch, kind)
    again = space.decode(vector, kind)
    assert vector.shape == (len(space.feature_names(kind)),)
    assert list(again) == list(arch)
    for name, value in arch.items():
        if space[name].count == float("inf"):
            assert again[name] == pytest.approx(value, rel=1e-9)
        else:
            assert again[name] == value


@given(cases(reals=True, constraints=False), kinds, generators)
def test_any_vector_decodes_to_a_member(case, kind, rng):
    space = case.space
    vector = rng.normal(0, 2, len(space.feature_names(kind)))
    assert space.decode(vector, kind) in space


@given(cases(constraints=False), kinds)
def test_different_architectures_have_different_vectors(case, kind):
    members = case.all()
    assert len({case.space.encode(arch, kind).tobytes() for arch in members}) == len(members)


@given(cases(constraints=False), generators)
def test_scalars_and_blocks_stay_in_range(case, rng):
    vector = case.space.encode(case.space.sample(rng))
    assert ((vector == -1) | ((vector >= 0) & (vector <= 1))).all()
