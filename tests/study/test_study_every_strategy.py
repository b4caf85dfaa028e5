"""Every registered strategy, stopped at any moment and continued, ends with the same trials."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archwright.search import STRATEGIES, Proposal, Strategy, names
from archwright.space import Arch, Choice, Ordinal, Real, Space
from archwright.study import Study
from archwright.trial import Report, Trial


def _narrow_where_slow(arch: Any) -> bool:
    return arch.get("width", 0) < 48 or arch["rate"] > 0.01


SPACE = Space(
    [
        Ordinal("width", (16, 32, 48)),
        Choice("op", ("conv", "skip", None)),
        Real("rate", 1e-4, 1.0, log=True),
        Ordinal("kernel", (3, 5, 9)),
        Choice("act", ("relu", "tanh", "gelu")),
    ],
    when={"width": {"op": ["conv"]}, "kernel": {"op": ["conv"]}},
    where=_narrow_where_slow,
)
SMALL: dict[str, dict[str, Any]] = {
    "area": {"pool": 12, "population": 6, "sample": 3},
    "bohb": {"max_budget": 9, "samples": 8, "random": 0.2},
    "casmopolitan": {"initial": 4, "starts": 1},
    "gp": {"initial": 4},
    "hyperband": {"max_budget": 9},
    "asynchronous-halving": {"max_budget": 9},
    "successive-halving": {"max_budget": 9},
    "kernel-density": {"samples": 8},
    "learning-curve-stopping": {"base": "kernel-density", "max_budget": 4, "least": 2},
    "median-stopping": {"base": "bohb", "max_budget": 9},
    "nasbot": {"initial": 4, "size": 5},
    "nsga2": {"population": 6},
    "pnas": {"first": 8, "beam": 4, "candidates": 200, "members": 2, "epochs": 20},
    "ppo": {"batch": 4, "minibatch": 4, "hidden": 8},
    "predictor": {"initial": 4, "candidates": 20},
    "pymoo-ga": {"population": 6},
    "pymoo-nsga2": {"population": 6},
    "regularized-evolution": {"population": 6, "sample": 3},
    "reinforce": {"batch": 4, "hidden": 8},
    "screening": {"pool": 12},
    "string-kernel-bo": {"initial": 4, "population": 10, "generations": 2},
    "tw-nas": {"initial": 4},
}
TRIALS = 14


def score(arch: Arch) -> float:
    return int(arch.key, 16) % 1009 / 10.09


def build(name: str, space: Space, **settings: Any) -> Strategy:
    scored = {"scorer": score} if name in ("area", "screening") else {}
    strategy: Strategy = STRATEGIES.load(name)(space, **SMALL.get(name, {}), **scored, **settings)
    return strategy


def estimate(arch: Arch, budget: float | None = None) -> Iterator[Report]:
    """A curve that ends at the score of the architecture."""
    if arch.get("act") == "gelu" and arch["rate"] > 0.3:
        raise RuntimeError("some fail")
    for epoch in range(1, round(budget or 4) + 1):
        yield Report(step=epoch, metrics={"accuracy": score(arch) * (1 - 0.5 / epoch)})


def content(trials: list[Trial]) -> list[tuple[object, ...]]:
    return [(t.number, t.arch, t.budget, t.state, dict(t.metrics)) for t in trials]


@pytest.fixture(params=names())
def name(request: pytest.FixtureRequest) -> str:
    if request.param.startswith("pymoo"):
        pytest.importorskip("pymoo")
    return str(request.param)


@pytest.mark.parametrize("batch", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_stopped_anywhere_it_goes_on_the_same(name: str, tmp_path: Path, batch: int) -> None:
    """With batches of four it is stopped in the middle of the second, then in the middle of the third."""

    def study(storage: Path | None) -> Study:
        return Study(SPACE, build(name, SPACE, seed=3), estimate, storage=storage, seed=3, batch=batch)

    whole = study(None).run(trials=TRIALS)
    for trials in (6, 11, TRIALS):
        parts = study(tmp_path / "study.db").run(trials=trials)
    assert content(parts.trials) == content(whole.trials)


def test_told_what_was_finished_it_asks_for_the_same(name: str) -> None:
    whole = Study(SPACE, build(name, SPACE, seed=5), estimate, seed=5, batch=3).run(trials=9)
    again = build(name, SPACE, seed=5)
    for trial in whole.trials:
        again.tell(trial)
    asked = [(p.arch, p.budget) if isinstance(p, Proposal) else (p, None) for p in again.ask(3)]
    assert asked == [(t.arch, t.budget) for t in whole.run(trials=12).trials[9:]]
