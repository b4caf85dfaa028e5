"""pymoo's algorithms as strategies: generations, limits, spaces with conditions and constraints."""

import importlib.util

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.search import Strategy, build
from archwright.search._from_pymoo import FromPymoo
from archwright.space import Arch, Choice, Ordinal, Real, Space
from archwright.trial import Trial

GRID = Space([Ordinal("a", tuple(range(12))), Ordinal("b", tuple(range(12))), Choice("c", ("x", "y", "z"))])


def value(arch: Arch) -> float:
    return float(arch["a"] + arch["b"] + 5 * (arch["c"] == "y"))


def drive(strategy: Strategy, count: int) -> list[Trial]:
    told = []
    for number in range(count):
        arch = strategy.ask()
        assert isinstance(arch, Arch)
        trial = Trial(number=number, arch=arch, metrics={"accuracy": value(arch), "params": float(arch["a"])})
        strategy.tell(trial)
        told.append(trial)
    return told


def test_it_gets_better() -> None:
    trials = drive(build("pymoo-ga", GRID, population=10, seed=1), 120)
    first, last = (np.mean([t.metrics["accuracy"] for t in part]) for part in (trials[:20], trials[-20:]))
    assert last > first + 4
    assert max(t.metrics["accuracy"] for t in trials) >= 26, "27 is best"


def test_limits_are_heeded() -> None:
    trials = drive(build("pymoo-nsga2", GRID, population=10, seed=0, limits={"params": 4.0}), 150)
    share = [np.mean([t.arch["a"] <= 4 for t in part]) for part in (trials[:10], trials[-50:])]
    assert share[1] > 0.8 > share[0]


def test_two_objectives_find_both_ends() -> None:
    space = Space([Ordinal("a", tuple(range(30)))])
    strategy = build("pymoo-nsga2", space, population=8, seed=0, objectives=["accuracy", "params"])
    seen = set()
    for number in range(80):
        arch = strategy.ask()
        assert isinstance(arch, Arch)
        seen.add(arch["a"])
        metrics = {"accuracy": float(arch["a"]), "params": float(arch["a"])}
        strategy.tell(Trial(number=number, arch=arch, metrics=metrics))
    assert {0, 29} <= seen


def test_conditions_constraints_and_log_scales() -> None:
    space = Space(
        [Choice("op", ("conv", "skip")), Ordinal("width", (8, 16, 32)), Real("rate", 1e-4, 1.0, log=True)],
        when={"width": {"op": ["conv"]}},
        where=lambda arch: not (arch["op"] == "conv" and arch["width"] == 32),
    )
    strategy = build("pymoo-ga", space, population=6, seed=0)
    rates = []
    for number in range(60):
        arch = strategy.ask()
        assert arch in space
        assert isinstance(arch, Arch)
        rates.append(arch["rate"])
        strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": -abs(np.log10(arch["rate"]) + 2)}))
    assert np.median(np.abs(np.log10(rates[-15:]) + 2)) < np.median(np.abs(np.log10(rates[:15]) + 2))


def test_failed_trials_do_not_survive() -> None:
    strategy = build("pymoo-ga", GRID, population=6, seed=0)
    assert isinstance(strategy, FromPymoo)
    for number in range(60):
        arch = strategy.ask()
        assert isinstance(arch, Arch)
        failed = arch["c"] == "x"
        state = {"state": "failed", "error": "boom"} if failed else {"metrics": {"accuracy": value(arch)}}
        strategy.tell(Trial(number=number, arch=arch, **state))  # type: ignore[arg-type]
    survivors = [member.X["c"] for member in strategy._optimiser.pop]
    assert len(survivors) == 6
    assert 0 not in survivors


def test_more_asked_than_a_generation_holds() -> None:
    strategy = build("pymoo-ga", GRID, population=4, seed=0)
    asked = strategy.ask(9)
    assert len(asked) == 9
    assert all(arch in GRID for arch in asked)
    for number, arch in enumerate(asked):
        assert isinstance(arch, Arch)
        strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": 1.0}))
    assert strategy.ask() in GRID


def test_an_exhausted_space() -> None:
    space = Space([Choice("only", ("x", "y"))])
    strategy = build("pymoo-ga", space, population=6, seed=0)
    for number in range(20):
        arch = strategy.ask()
        assert isinstance(arch, Arch)
        strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": 1.0}))


def test_settings_and_input(monkeypatch: pytest.MonkeyPatch) -> None:
    assert build("pymoo-nsga2", GRID).settings == {"algorithm": "nsga2", "population": 50}
    with pytest.raises(UserError, match="population must be at least 2, got 1"):
        build("pymoo-ga", GRID, population=1)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pymoo-ga needs pymoo: pip install pymoo"):
        FromPymoo(GRID)
