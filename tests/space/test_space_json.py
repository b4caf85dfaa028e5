import functools
import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from space_strategies import cases

from archwright.errors import UserError
from archwright.space import Choice, Ordinal, Real, Space
from archwright.space._graph import chain
from archwright.space._reference import reference, resolve

VARIABLES = [Choice("op", ["conv", None, True, 2.5]), Ordinal("width", [8, 16]), Real("rate", 0.1, 1, log=True)]


def thin(arch):
    return arch.get("width", 0) < 16


def same(arch):
    return arch


class Rules:
    @staticmethod
    def wide(arch):
        return not thin(arch)

    def method(self, arch):
        return True

    def __call__(self, arch):
        return True


KNOWN = {f"{__name__}:thin": thin, f"{__name__}:same": same, f"{__name__}:Rules.wide": Rules.wide}


def test_format():
    space = Space(VARIABLES, when={"width": {"op": [True, "conv"]}}, where=thin, canonical=same, graph=chain, name="x")
    assert json.loads(space.to_json()) == {
        "format": "archwright.space/1",
        "name": "x",
        "variables": [
            {"kind": "choice", "name": "op", "options": ["conv", None, True, 2.5]},
            {"kind": "ordinal", "name": "width", "options": [8, 16]},
            {"kind": "real", "name": "rate", "low": 0.1, "high": 1.0, "log": True},
        ],
        "when": {"width": [{"op": ["conv", True]}]},
        "where": [f"{__name__}:thin"],
        "canonical": f"{__name__}:same",
        "graph": "archwright.space._graph:chain",
    }
    assert Space.from_json(space.to_json(indent=2), KNOWN) == space


def test_text_is_the_same_in_other_processes():
    space = Space(VARIABLES, when={"width": {"op": ["conv", True]}, "rate": [{"op": ["conv"]}, {"width": [8, 16]}]})
    code = "import sys; from archwright.space import Space; print(Space.from_json(sys.argv[1]).to_json())"
    for seed in ("0", "99"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        found = subprocess.check_output([sys.executable, "-c", code, space.to_json()], env=environment, text=True)
        assert found.strip() == space.to_json()


@given(cases(reals=True, constraints=False))
def test_round_trip(case):
    again = Space.from_json(case.space.to_json())
    assert again == case.space
    assert again.to_json() == case.space.to_json()
    assert again.names == case.space.names


@pytest.mark.parametrize(
    "function", [lambda arch: True, functools.partial(thin), Rules().method, Rules(), (lambda f: lambda arch: f)(thin)]
)
def test_functions_without_a_name_are_not_written(function):
    with pytest.raises(UserError, match="use a named function"):
        Space([Choice("op", [1])], where=function).to_json()


def test_static_methods_have_a_name():
    space = Space(VARIABLES, where=Rules.wide)
    assert Space.from_json(space.to_json(), KNOWN) == space


def test_foreign_functions_are_never_imported():
    for text in (f"{__name__}:thin", "os:getcwd", "archwrightx.evil:run"):
        with pytest.raises(UserError, match="pass functions="):
            resolve(text, {})


@pytest.mark.parametrize(
    "text", ["archwright.nowhere:f", "archwright.space._graph:nothing", "archwright.registry:importlib.import_module"]
)
def test_only_functions_of_the_package_itself(text):
    with pytest.raises(UserError, match="archwright"):
        resolve(text, {})


def test_functions_of_the_package_are_imported():
    assert resolve(reference(chain), {}) is chain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not the JSON"),
        ("[]", "format"),
        ("{}", "format"),
        ('{"format": "archwright.space/1"}', "damaged"),
        ('{"format": "archwright.space/1", "variables": [{"kind": "chioce"}]}', "did you mean 'choice'"),
        ('{"format": "archwright.space/1", "variables": [{"kind": "choice", "nam": "a"}]}', "damaged"),
        ('{"format": "archwright.space/1", "variables": [3]}', "damaged"),
        ('{"format": "archwright.space/1", "variables": [{"kind": "choice", "name": "a", "options": []}]}', "at least"),
    ],
)
def test_from_json_refuses(text, message):
    with pytest.raises(UserError, match=message):
        Space.from_json(text)
