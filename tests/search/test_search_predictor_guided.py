"""Search guided by a predictor."""

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.search import PredictorGuided
from archwright.search._normal_scores import normal_scores
from archwright.space import Arch, Choice, Ordinal, Space
from archwright.testing import StrategyContract
from archwright.trial import Trial

STEPS = Space([Ordinal(f"x{i}", range(6)) for i in range(5)])


class TestContract(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return lambda space, **settings: PredictorGuided(space, model="ridge", initial=4, candidates=20, **settings)


def best(strategy: PredictorGuided, count: int) -> int:
    found = []
    for number in range(count):
        arch = strategy.ask()
        assert isinstance(arch, Arch)
        found.append(sum(arch.values()))
        strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": float(found[-1])}))
    return max(found)


@pytest.mark.parametrize("model", ["ridge", "random-forest", "mlp"])
@pytest.mark.parametrize("acquisition", ["thompson", "ucb", "mean"])
def test_climbs_an_additive_hill(model: str, acquisition: str) -> None:
    strategy = PredictorGuided(STEPS, model=model, acquisition=acquisition, refit=10, seed=1)  # type: ignore[arg-type]
    assert best(strategy, 40) >= 23, "of 25; random search reaches 20 on average"


def test_candidates_are_new_mutations_of_the_best() -> None:
    strategy = PredictorGuided(STEPS, initial=5, parents=2, candidates=30, mutations=1)
    best(strategy, 12)
    parents = [strategy._archs[i] for i in sorted(range(12), key=strategy._ranks.__getitem__)[:2]]
    found = strategy._candidates(np.random.default_rng(0))
    assert len(found) == len(set(found)) == 30
    assert all(min(sum(a[n] != p[n] for n in STEPS.names) for p in parents) == 1 for a in found)
    assert not {*found} & {*strategy._archs}


def test_the_model_is_fitted_on_schedule_and_from_scratch() -> None:
    strategy = PredictorGuided(STEPS, model="ridge", initial=6, refit=4)
    counts = []
    for number in range(15):
        arch = strategy.ask()
        counts.append(strategy._fitted and strategy._fitted[0])
        strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": float(number)}))  # type: ignore[arg-type]
    assert counts == [None] * 6 + [6] * 4 + [10] * 4 + [14]


def test_acquisitions() -> None:
    mean, deviation, rng = np.array([0.0, 1.0]), np.array([3.0, 0.0]), np.random.default_rng(0)
    upper = PredictorGuided(STEPS, acquisition="ucb", kappa=2.0)._wanted(mean, deviation, rng)
    assert upper.tolist() == [6.0, 1.0]
    assert PredictorGuided(STEPS, acquisition="mean")._wanted(mean, deviation, rng).tolist() == [0.0, 1.0]
    drawn = np.array([PredictorGuided(STEPS)._wanted(mean, deviation, rng) for _ in range(500)])
    assert drawn.std(0) == pytest.approx([3.0, 0.0], abs=0.3)


def test_normal_scores_keep_the_order_and_share_ties() -> None:
    inf = float("inf")
    scores = normal_scores([(0.0, -90.0), (0.0, -95.0), (0.5, -99.0), (inf, inf), (0.0, -90.0)])
    assert scores[1] > scores[0] == scores[4] > scores[2] > scores[3]
    assert scores[1] == pytest.approx(1.1798, abs=1e-3)  # quantile of (5 - 3/8) / 5.25
    assert scores[1] == pytest.approx(-scores[3])


def test_a_small_space_is_exhausted() -> None:
    space = Space([Choice("a", (0, 1, 2)), Choice("b", (0, 1, 2))])
    strategy = PredictorGuided(space, model="ridge", initial=3)
    seen = set()
    for number in range(9):
        arch = strategy.ask()
        seen.add(arch)
        strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": 1.0}))  # type: ignore[arg-type]
    assert len(seen) == 9
    assert strategy.ask() in space


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "forest"}, "model must be one of ridge, .*got 'forest'"),
        ({"acquisition": "ei"}, "acquisition must be one of"),
        ({"kappa": -1}, "kappa must be at least 0"),
        ({"initial": 1}, "initial at least 2"),
        ({"refit": 0}, "must be at least 1"),
    ],
)
def test_settings_out_of_range(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        PredictorGuided(STEPS, **settings)  # type: ignore[arg-type]
