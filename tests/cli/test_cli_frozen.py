"""The command line cannot grow, shrink or go undocumented by accident."""

import argparse
import shlex

import pytest

from archwright.cli._main import parse, parser

FROZEN = {
    "search": "DATA --recipe --label --space --net --strategy --estimator --objective --max-params --max-flops "
    "--max-latency-ms --max-size --minutes --trials --workers --seed --set --out --json",
    "run": "FILE KEY.SUB=VALUE --out --json",
    "check": "FILE KEY.SUB=VALUE --effective --json",
    "profile": "DATA --recipe --label --space --net --max-params --max-flops --max-latency-ms --max-size --samples "
    "--table --seed --set --json",
    "ls": "KIND PATTERN --json",
    "cp": "RECIPE FILE --force",
    "report": "RUN --open",
    "compare": "RUN --json",
    "export": "RUN --format --out",
    "quantize": "MODEL --calib --weights --trust --mean --std --raw --seed --bits --activation-bits --ends --size "
    "--bitops --latency --latencies --method --samples --out --json",
    "prune": "MODEL --data --weights --trust --mean --std --raw --seed --sparsity --method --scope "
    "--keep-classifier --epochs --lr --batch-size --distil --out --json",
    "predict": "RUN INPUT --json",
    "measure": "MODEL --runtime --threads --repeats --space --data --table --json",
    "deploy-check": "FILE_OR_RUN --against --data --samples --threads --repeats --trust --json",
    "score": "MODEL_OR_RUN --data --scores --json",
    "bench": "COMMAND",
    "doctor": "--json",
}  # fmt: skip


BELOW = {
    "bench estimators": "--problem --dataset --estimators --count --metric --data --seed --out --json",
    "bench strategies": "--problem --dataset --strategies --budget --seeds --initial --metric --jobs --again --out "
    "--json",
}


def _commands():
    return _choices(parser())


def _choices(above):
    found = next(a for a in above._actions if isinstance(a, argparse._SubParsersAction))
    return dict(found.choices)


def _command(name):
    first, *below = name.split()
    found = _commands()[first]
    for word in below:
        found = _choices(found)[word]
    return found


def _words(command):
    for action in command._actions:
        yield action.option_strings[-1] if action.option_strings else action.metavar


def test_commands_are_frozen():
    assert list(_commands()) == list(FROZEN)
    assert [f"bench {name}" for name in _choices(_commands()["bench"])] == list(BELOW)


@pytest.mark.parametrize("name", [*FROZEN, *BELOW])
def test_flags_are_frozen(name):
    assert list(_words(_command(name))) == ["--help", "--debug", *{**FROZEN, **BELOW}[name].split()]


@pytest.mark.parametrize("name", [*FROZEN, *BELOW])
def test_every_help_page_ends_with_two_or_three_examples_that_parse(name):
    lines = _command(name).epilog.splitlines()
    assert lines[0] == "examples:"
    assert 2 <= len(lines) - 1 <= 3
    for line in lines[1:]:
        for part in line.split("&&"):
            words = shlex.split(part.partition(">")[0])
            assert words[0] == "archwright"
            assert parse(words[1:]).command == words[1]
        assert f"archwright {name}" in line


@pytest.mark.parametrize("name", [*FROZEN, *BELOW])
def test_every_option_is_explained(name):
    assert all(action.help for action in _command(name)._actions)
