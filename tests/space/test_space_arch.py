import hashlib
import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from space_strategies import scalars

from archwright.errors import UserError
from archwright.space import Arch

values = st.dictionaries(st.text(), scalars, max_size=5)


def test_behaves_as_a_mapping():
    arch = Arch({"op": "conv", "width": 16})
    assert arch["op"] == "conv"
    assert list(arch) == list(arch.keys()) == ["op", "width"]
    assert len(arch) == 2
    assert arch.get("depth", 3) == 3
    assert "op" in arch
    assert "depth" not in arch
    assert arch == {"width": 16, "op": "conv"}
    assert arch != {"width": 16}
    assert repr(arch) == "Arch(op='conv', width=16)"
    assert list(arch.values()) == ["conv", 16]


def test_key_is_the_digest_of_canonical_json():
    expected = hashlib.sha256(b'{"a":1,"b":"\\u00e9"}').hexdigest()[:16]
    assert Arch({"b": "é", "a": 1}).key == expected
    assert Arch({}).key == "44136fa355b3678a"


def test_key_is_the_same_in_other_processes():
    arch = Arch({"op": "conv", "width": 16, "rate": 0.1, "bias": True, "act": None, "Ω": "é"})
    code = "import sys; from archwright.space import Arch; print(Arch.from_json(sys.argv[1]).key)"
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", code, arch.to_json()]
        assert subprocess.check_output(command, env=environment, text=True).strip() == arch.key


def test_is_immutable():
    arch = Arch({"op": "conv"})
    with pytest.raises(TypeError):
        arch["op"] = "skip"  # type: ignore[index]
    with pytest.raises(AttributeError):
        arch.op = "skip"  # type: ignore[attr-defined]
    given = {"op": "conv"}
    arch = Arch(given)
    given["op"] = "skip"
    assert arch["op"] == "conv"


def test_replace_leaves_the_original():
    arch = Arch({"op": "conv", "width": 16})
    assert arch.replace({"width": 32}) == {"op": "conv", "width": 32}
    assert arch["width"] == 16


def test_numpy_scalars_become_python_scalars():
    arch = Arch({"a": np.int64(3), "b": np.float32(0.5), "c": np.str_("x"), "d": np.bool_(True)})
    assert [type(v) for v in arch.values()] == [int, float, str, bool]
    assert json.loads(arch.to_json()) == {"a": 3, "b": 0.5, "c": "x", "d": True}


@pytest.mark.parametrize("value", [[1], {"a": 1}, float("nan"), float("inf"), np.ones(2), object()])
def test_refuses_what_is_not_a_json_scalar(value):
    with pytest.raises(UserError, match="'op'"):
        Arch({"op": value})


def test_refuses_names_that_are_not_strings():
    with pytest.raises(UserError, match="3"):
        Arch({3: "conv"})  # type: ignore[dict-item]


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": [1]}', "3"])
def test_from_json_refuses_other_texts(text):
    with pytest.raises(UserError):
        Arch.from_json(text)


@given(values)
def test_round_trips(given_values):
    arch = Arch(given_values)
    for twin in (Arch.from_json(arch.to_json()), pickle.loads(pickle.dumps(arch)), Arch(arch)):
        assert twin == arch
        assert hash(twin) == hash(arch)
        assert twin.key == arch.key
        assert list(twin) == list(arch)


@given(values, values)
def test_equal_exactly_if_keys_are(a, b):
    assert (Arch(a) == Arch(b)) == (Arch(a).key == Arch(b).key)


@given(values, st.randoms())
def test_order_does_not_matter(given_values, random):
    items = list(given_values.items())
    random.shuffle(items)
    assert Arch(dict(items)) == Arch(given_values)
    assert hash(Arch(dict(items))) == hash(Arch(given_values))
    assert Arch(dict(items)).key == Arch(given_values).key


def test_equal_numbers_have_equal_keys():
    assert Arch({"a": 16}) == Arch({"a": 16.0})
    assert Arch({"a": 16}).key == Arch({"a": 16.0}).key
    assert Arch({"a": True}).key == Arch({"a": 1}).key
    assert Arch({"a": "1"}).key != Arch({"a": 1}).key
