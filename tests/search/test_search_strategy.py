"""What holds for every registered strategy: the replay rule, batches, counting, hostile trials."""

from typing import Literal

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.search import Proposal, Strategy, build, names
from archwright.space import Arch, Ordinal, Space
from archwright.trial import Trial


def by_key(arch: Arch) -> float:
    return float(int(arch.key[:4], 16))


SMALL: dict[str, dict[str, object]] = {
    "area": {"population": 8, "sample": 3, "pool": 20, "scorer": by_key},
    "screening": {"pool": 10, "scorer": by_key},
    "regularized-evolution": {"population": 8, "sample": 3},
    "nsga2": {"population": 8},
    "optuna-nsga2": {"population": 8},
    "optuna-gp": {"startup": 58},
    "predictor": {"model": "ridge", "initial": 6, "candidates": 20},
    "pnas": {"beam": 4, "first": 12, "candidates": 200, "epochs": 10},
    "pymoo-ga": {"population": 8},
    "pymoo-nsga2": {"population": 8},
}
SLOW = ("casmopolitan", "gp", "nasbot", "optuna-gp", "pnas", "predictor", "string-kernel-bo", "tw-nas")  # fit at each
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in names()]
GOALS = {"objectives": ("accuracy", "params"), "limits": {"params": 500.0}}


def make(name: str, space: Space, seed: int = 0) -> Strategy:
    return build(name, space, seed=seed, **GOALS, **SMALL.get(name, {}))  # type: ignore[arg-type]


def evaluate(number: int, proposed: Arch | Proposal) -> Trial:
    """Every state a trial can end in, and ties."""
    arch, budget = (proposed.arch, proposed.budget) if isinstance(proposed, Proposal) else (proposed, None)
    params = 100.0 * sum(len(str(v)) for v in arch.values())
    if number % 11 == 3:
        return Trial(number=number, arch=arch, budget=budget, state="failed", error="boom")
    if params > 800:
        return Trial(number=number, arch=arch, budget=budget, state="refused", metrics={"params": params})
    metrics = {"accuracy": float(int(arch.key[:2], 16)), "params": params}
    state: Literal["stopped", "complete"] = "stopped" if number % 7 == 5 else "complete"
    return Trial(number=number, arch=arch, budget=budget, state=state, metrics=metrics)


def drive(strategy: Strategy, count: int, batch: int) -> list[Trial]:
    trials: list[Trial] = []
    while len(trials) < count:
        done = [evaluate(len(trials) + i, arch) for i, arch in enumerate(strategy.ask(batch))]
        for trial in done:
            strategy.tell(trial)
        trials += done
    return trials


@pytest.mark.parametrize("batch", [1, 3, 20])
@pytest.mark.parametrize("name", NAMES)
def test_a_new_instance_told_the_trials_proposes_the_same(name: str, batch: int, mixed: Space) -> None:
    old = make(name, mixed)
    trials = drive(old, 40, batch)
    new = make(name, mixed)
    for trial in trials:
        new.tell(trial)
    assert new.made == old.made == len(trials)
    assert new.ask(batch) == old.ask(batch)


@pytest.mark.parametrize("name", NAMES)
def test_proposals_are_of_the_space(name: str, mixed: Space) -> None:
    assert all(trial.arch in mixed for trial in drive(make(name, mixed), 60, 4))


@pytest.mark.parametrize("name", NAMES)
def test_seeds_matter(name: str, mixed: Space) -> None:
    assert drive(make(name, mixed, 0), 12, 1) != drive(make(name, mixed, 1), 12, 1)


@pytest.mark.parametrize("name", NAMES)
def test_asking_one_by_one_is_asking_for_a_batch(name: str, mixed: Space) -> None:
    one, batch = make(name, mixed), make(name, mixed)
    drive(one, 30, 1)
    for trial in drive(make(name, mixed), 30, 1):
        batch.tell(trial)
    assert [one.ask() for _ in range(5)] == batch.ask(5)


@pytest.mark.parametrize("name", NAMES)
def test_all_trials_failing_is_survived(name: str, mixed: Space) -> None:
    strategy = make(name, mixed)
    for number in range(30):
        asked = strategy.ask()
        arch, budget = (asked.arch, asked.budget) if isinstance(asked, Proposal) else (asked, None)
        assert arch in mixed
        strategy.tell(Trial(number=number, arch=arch, budget=budget, state="failed"))


@pytest.mark.parametrize("name", ["random", "nsga2"])
def test_a_small_space_is_exhausted_before_anything_repeats(name: str, flat: Space) -> None:
    trials = drive(make(name, flat), 81, 1)
    assert len({t.arch for t in trials}) == 81
    assert make(name, flat).space.size == 81
    strategy = make(name, flat)
    assert len(drive(strategy, 100, 4)) == 100, "an exhausted space repeats itself instead of hanging"


@pytest.mark.parametrize("name", ["regularized-evolution", "nsga2", "optuna-tpe"])
def test_learning_beats_chance(name: str) -> None:
    space = Space([Ordinal(f"x{i}", range(8)) for i in range(6)])
    found = []
    for strategy in (build(name, space, seed=1, **SMALL.get(name, {})), build("random", space, seed=1)):
        best = 0.0
        for number in range(80):
            arch = strategy.ask()
            assert isinstance(arch, Arch)
            score = float(sum(arch.values()))
            best = max(best, score)
            strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": score}))
        found.append(best)
    assert found[0] > found[1]


def test_made_is_the_larger_of_asked_and_told(flat: Space) -> None:
    strategy = build("random", flat)
    strategy.ask(3)
    assert (strategy.made, strategy.told) == (3, 0)
    for number in range(5):
        strategy.tell(Trial(number=number, arch=flat.sample(np.random.default_rng(number))))
    assert (strategy.made, strategy.told) == (5, 5)
    strategy.ask()
    assert (strategy.made, strategy.told) == (6, 5)


def test_ask_for_none_is_refused(flat: Space) -> None:
    with pytest.raises(UserError, match="at least one architecture, got n=0"):
        build("random", flat).ask(0)


def test_objectives_without_direction_are_refused(flat: Space) -> None:
    with pytest.raises(UserError, match="no known direction"):
        build("random", flat, objectives=("kappa",))
