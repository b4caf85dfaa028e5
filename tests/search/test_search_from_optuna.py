"""Optuna's samplers as strategies."""

from collections.abc import Callable

import optuna
import pytest
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler

from archwright.search import FromOptuna, build
from archwright.space import Arch, Choice, Ordinal, Space
from archwright.trial import Trial

GRID = Space([Ordinal("a", range(20)), Ordinal("b", range(20))])


def drive(strategy: FromOptuna, score: Callable[[Arch], dict[str, float]], count: int) -> list[Trial]:
    trials = []
    for number in range(count):
        arch = strategy.ask()
        assert isinstance(arch, Arch)
        trials.append(Trial(number=number, arch=arch, metrics=score(arch)))
        strategy.tell(trials[-1])
    return trials


def completed(strategy: FromOptuna) -> list[optuna.trial.FrozenTrial]:
    return strategy._study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))


def test_serial_tpe_knows_what_a_plain_optuna_study_would_know() -> None:
    strategy = FromOptuna(GRID, lambda number: TPESampler(seed=number), objectives=("accuracy", "min:params"))
    trials = drive(strategy, lambda a: {"accuracy": float(a["a"]), "params": float(a["b"])}, 15)
    known = completed(strategy)
    assert [t.params for t in known] == [dict(t.arch) for t in trials]
    assert [t.values for t in known] == [[-t.metrics["accuracy"], t.metrics["params"]] for t in trials]


def test_limits_are_constraints() -> None:
    strategy = FromOptuna(GRID, lambda number: RandomSampler(seed=number), limits={"params": 10.0, "memory": 1.0})
    drive(strategy, lambda a: {"accuracy": 1.0, "params": 5.0 * (a["a"] + 1)}, 5)
    assert [list(t.constraints) for t in completed(strategy)] == [["params"]] * 5
    assert [t.constraints["params"] for t in completed(strategy)] == [
        pytest.approx((5.0 * (t.params["a"] + 1) - 10) / 10) for t in completed(strategy)
    ]


def test_constrained_tpe_finds_the_feasible_corner() -> None:
    strategy = build("optuna-tpe", GRID, limits={"params": 5}, seed=0)
    assert isinstance(strategy, FromOptuna)
    trials = drive(strategy, lambda a: dict.fromkeys(("accuracy", "params"), float(a["a"] + a["b"])), 60)
    late = [t.metrics["params"] for t in trials[30:]]
    assert sum(p <= 5 for p in late) > 8, "one in twenty by chance"
    assert max(t.metrics["accuracy"] for t in trials if t.metrics["params"] <= 5) == 5


def test_failed_is_unknown_and_refused_is_infeasible_to_optuna() -> None:
    strategy = FromOptuna(GRID, lambda number: TPESampler(seed=number), limits={"params": 10.0})
    first, second, third = strategy.ask(3)
    assert isinstance(first, Arch)
    assert isinstance(second, Arch)
    assert isinstance(third, Arch)
    strategy.tell(Trial(number=0, arch=first, metrics={"accuracy": 3.0, "params": 9.0}))
    strategy.tell(Trial(number=1, arch=second, state="failed"))
    strategy.tell(Trial(number=2, arch=third, state="refused", metrics={"params": 20.0}))
    known = completed(strategy)
    assert [t.params for t in known] == [dict(first), dict(third)]
    assert [t.constraints["params"] for t in known] == [pytest.approx(-0.1), 1.0]
    assert known[1].values == [0.0], "no worse than the worst seen"
    assert all(t.state.is_finished() for t in strategy._study.trials)


def test_nsga2_gets_through_its_generations() -> None:
    strategy = build("optuna-nsga2", GRID, population=10, seed=0)
    assert isinstance(strategy, FromOptuna)
    trials = drive(strategy, lambda a: {"accuracy": float(a["a"] + a["b"])}, 80)
    early, late = trials[:10], trials[-10:]
    assert sum(t.metrics["accuracy"] for t in late) > sum(t.metrics["accuracy"] for t in early) + 50
    numbers = [t.system_attrs["NSGAIISampler:generation"] for t in completed(strategy)]
    assert numbers == [i // 10 for i in range(80)]


def test_an_impossible_constraint_for_the_sampler_falls_back_on_the_space() -> None:
    space = Space([Choice(f"x{i}", range(10)) for i in range(3)], where=lambda a: a["x0"] == a["x1"] == a["x2"] == 7)
    strategy = FromOptuna(space, lambda number: RandomSampler(seed=number))
    assert strategy.ask() == {"x0": 7, "x1": 7, "x2": 7}


def test_a_sampler_instance_is_kept() -> None:
    sampler: BaseSampler = NSGAIISampler(seed=1, population_size=4)
    strategy = FromOptuna(GRID, sampler)
    drive(strategy, lambda a: {"accuracy": 1.0}, 6)
    assert strategy._study.sampler is sampler
    assert strategy.settings == {"sampler": "NSGAIISampler"}


def test_settings_name_the_sampler_and_what_it_was_given() -> None:
    assert build("optuna-tpe", GRID, startup=4).settings == {"sampler": "TPESampler", "n_startup_trials": 4}
    assert build("optuna-nsga2", GRID).settings == {"sampler": "NSGAIISampler", "population_size": 50}
    assert build("optuna-random", GRID).settings == {"sampler": "RandomSampler"}


def test_nothing_is_announced(capfd: pytest.CaptureFixture[str]) -> None:
    level = optuna.logging.get_verbosity()
    drive(FromOptuna(GRID, lambda number: RandomSampler(seed=number)), lambda a: {"accuracy": 1.0}, 3)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == level


def test_gaussian_process() -> None:
    strategy = build("optuna-gp", GRID, startup=3, seed=0)
    trials = []
    for number in range(5):
        arch = strategy.ask()
        assert arch in GRID
        trials.append(Trial(number=number, arch=arch, metrics={"accuracy": float(number)}))
        strategy.tell(trials[-1])
    again = build("optuna-gp", GRID, startup=3, seed=0)
    for trial in trials:
        again.tell(trial)
    assert again.ask() == strategy.ask()
    assert strategy.settings == {"sampler": "GPSampler", "n_startup_trials": 3}
