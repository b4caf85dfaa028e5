"""`profile`: what a space offers against limits; costs here can be worked out by hand."""

import json

import pytest

from archwright import recipes, run
from archwright.cli import main
from archwright.cost import LatencyTable
from archwright.errors import UserError
from archwright.run import _profile as profiling
from archwright.run._downhill import downhill
from archwright.space import Choice, Ordinal, Space

INPUTS, CLASSES = 64, 10  # digits as rows of numbers


def _params(width):
    """mlp without blocks: a layer of 64 -> width with bias and batch norm, and one of width -> 10 with bias."""
    return width * INPUTS + width + 2 * width + CLASSES * width + CLASSES


def _config(*changes):
    return recipes.check(recipes.read("default", ["space={mlp: {}}", *changes]), data="digits")


@pytest.fixture(scope="module")
def free():
    """Without limits and without measuring."""
    return run.profile(_config(), samples=8, measure=False)


def test_networks_are_in_order_and_known_exactly(free):
    smallest, median, largest = (free["networks"][name] for name in ("smallest", "median", "largest"))
    assert smallest["architecture"] == {"width": 16, "depth": 0}
    assert smallest["params"] == _params(16)
    for cost in ("params", "flops", "size", "memory"):
        assert 0 < smallest[cost] <= median[cost] <= largest[cost]
    assert smallest["ratios"] == {}


def test_without_limits_everything_is_met(free):
    assert free["limits"] == {}
    assert free["together"] == {"met": True, "share": 1.0}
    assert (free["protocol"], free["prediction"]) == (None, None)
    assert free["space"]["name"] == "mlp"
    assert {variable["name"] for variable in free["variables"]} >= {"width", "depth"}
    json.dumps(free, allow_nan=False)


def test_shares_and_ratios(free):
    bound = free["networks"]["median"]["params"]
    found = run.profile(_config(f"limits.params={bound}", "limits.flops=1T"), samples=8, measure=False)
    params, flops = found["limits"]["params"], found["limits"]["flops"]
    assert 0.5 <= params["share"] < 1  # the median of eight is the fifth: at least five of them meet it
    assert (flops["share"], flops["met"]) == (1.0, True)
    assert found["together"] == {"met": True, "share": params["share"]}
    assert params["least"] == free["networks"]["smallest"]["params"]
    assert found["networks"]["median"]["ratios"] == {"params": 1.0, "flops": pytest.approx(0, abs=1e-6)}


def test_limits_that_cannot_be_met(free):
    least = free["networks"]["smallest"]
    found = run.profile(_config("limits.params=10", "limits.flops=1T"), samples=4, measure=False)
    assert found["limits"]["params"] == {"limit": 10, "met": False, "share": 0, "least": least["params"]}
    assert found["limits"]["flops"]["met"]
    together = found["together"]
    assert not together["met"]
    assert together["nearest"]["architecture"] == least["architecture"]
    assert together["suggested"] == {"params": least["params"], "flops": 1e12}


def test_command_shows_it_and_exits_with_3(capsys, free, monkeypatch):
    monkeypatch.setattr(run, "profile", lambda config, **rest: run._profile.profile(config, **rest, measure=False))
    words = ["profile", "digits", "--space", "mlp", "--samples", "4", "--max-params"]
    least = free["networks"]["smallest"]["params"]
    assert main([*words, "10"]) == 3
    said = capsys.readouterr()
    assert "NO" in said.out
    assert said.err.splitlines()[-1].startswith(
        f"archwright: error: no network meets the limits; the nearest has params {least:,.0f}"
    )
    suggested = said.err.split("limits that can be met: --max-params ")[1].strip()
    assert main([*words, suggested]) == 0
    said = capsys.readouterr()
    assert "NO" not in said.out
    assert f"{free['space']['size']:,} architectures" in said.out
    assert all(word in said.out for word in ("smallest", "median", "largest", "of params limit", "only if"))


def test_json_is_alone_on_standard_output(capsys, monkeypatch):
    monkeypatch.setattr(run, "profile", lambda config, **rest: run._profile.profile(config, **rest, measure=False))
    assert main(["profile", "digits", "--space", "mlp", "--samples", "2", "--max-params", "10", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["samples"] == 2


def test_latency_is_predicted_from_a_table_and_measured(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("archwright.cli._measure._NETWORKS", 3)
    table = tmp_path / "t.json"
    words = f"measure --space mlp --data digits --table {table} --runtime torch --repeats 2"
    assert main(words.split()) == 0
    capsys.readouterr()
    assert main(["profile", "digits", "--space", "mlp", "--samples", "2", "--table", str(table), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["protocol"]["runtime"] == "onnxruntime"
    assert found["prediction"]["networks"] == len(LatencyTable.load(table).networks)
    for network in found["networks"].values():
        assert network["predicted_latency_ms"] > 0
        assert network["latency_ms"] > 0


def test_limit_on_latency_is_judged_by_the_prediction(monkeypatch):
    class Costs:
        """Latency is a millisecond for each unit of width."""

        def __init__(self, net, names, *, table=None):
            self.names = names

        def __call__(self, arch):
            everything = {name: float(arch["width"]) for name in ("params", "flops", "size", "memory")}
            return {**everything, "predicted_latency_ms": float(arch["width"])}

    monkeypatch.setattr(profiling, "NetworkCosts", Costs)
    monkeypatch.setattr(profiling, "_latencies", lambda *_: None)
    found = run.profile(_config("limits.latency_ms=0.5"), samples=4, measure=False)
    smallest = found["networks"]["smallest"]["architecture"]["width"]
    assert found["limits"]["latency_ms"] == {"limit": 0.5, "met": False, "share": 0.0, "least": smallest}
    assert found["networks"]["smallest"]["ratios"] == {"latency_ms": smallest / 0.5}
    assert found["together"]["suggested"] == {"latency_ms": smallest}


def test_no_samples():
    with pytest.raises(UserError, match="samples must be at least 1, got 0"):
        run.profile(_config(), samples=0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "profile what? Name one of"),
        ("digits --samples 0", "--samples: expected a whole number of at least 1, got '0'"),
        ("digits --table none.json", "no latency table at none.json"),
        ("digits --strategy random", "unknown option '--strategy'"),
        ("digits --max-params 4MB", "a limit of params is a number above 0"),
        ("digits --space mpl", "did you mean 'mlp'?"),
    ],
)
def test_mistakes(words, message, capsys):
    assert main(["profile", *words.split()]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_downhill_ends_at_the_minimum_or_where_it_is_enough():
    space = Space([Ordinal("a", [0, 1, 2, 3]), Ordinal("b", [0, 1, 2, 3]), Choice("c", ["x", "y"])])
    start = space.arch({"a": 3, "b": 3, "c": "x"})

    def loss(arch):
        return (arch["a"] - 1) ** 2 + (arch["b"] - 2) ** 2 + (arch["c"] == "x")

    assert dict(downhill(space, start, loss)) == {"a": 1, "b": 2, "c": "y"}
    assert loss(downhill(space, start, loss, enough=3)) == 2  # the first move takes away 4 of 6
    assert downhill(space, start, loss, steps=0) == start
