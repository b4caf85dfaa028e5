"""The sampler of BOHB, and BOHB."""

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.search import BOHB, Hyperband, KernelDensity, Proposal, Random
from archwright.space import Choice, Ordinal, Real, Space
from archwright.testing import StrategyContract
from archwright.trial import Trial

ONES = Space([*(Choice(f"b{i}", (0, 1)) for i in range(8)), *(Real(f"x{i}", 0.0, 1.0) for i in range(8))])


class TestKernelDensity(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return lambda space, **kw: KernelDensity(space, samples=16, **kw)


class TestBOHB(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return lambda space, **kw: BOHB(space, max_budget=9, samples=16, **kw)


def told(strategy, values, budget=None) -> None:
    for number, (arch, loss) in enumerate(values, strategy.told):
        strategy.tell(Trial(number=number, arch=arch, budget=budget, metrics={"loss": loss}))


def line(n: int) -> Space:
    return Space([Choice("c", tuple(range(n))), Ordinal("o", (1, 2, 3, 4)), Real("x", 0.0, 1.0)])


def drawn(space: Space, n: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(n)]


def test_good_and_bad_by_hand() -> None:
    space = line(3)
    strategy = KernelDensity(space, objectives=["loss"], top=0.15)
    archs = drawn(space, 40)
    told(strategy, [(arch, float(i)) for i, arch in enumerate(archs)])
    assert strategy.densities is not None
    good, bad = strategy.densities
    assert (len(good.data), len(bad.data)) == (6, 34)  # floor(0.15 * 40), floor(0.85 * 40)
    rows = [[a["c"], (a["o"] - 0.5) / 4, a["x"]] for a in archs]
    assert good.data == pytest.approx(np.array(rows[:6]))
    assert bad.data == pytest.approx(np.array(rows[6:]))


@pytest.mark.parametrize(("n", "sizes"), [(7, None), (8, (4, 4)), (10, (4, 6)), (26, (4, 22)), (27, (4, 22))])
def test_there_is_a_model_from_twice_as_many_as_variables_and_one(n: int, sizes) -> None:
    strategy = KernelDensity(line(3), objectives=["loss"])
    told(strategy, [(arch, float(i)) for i, arch in enumerate(drawn(line(3), n))])
    found = strategy.densities
    assert (found and tuple(len(d.data) for d in found)) == sizes


def test_failed_ones_are_the_worst() -> None:
    space = line(3)
    strategy = KernelDensity(space, objectives=["loss"])
    archs = drawn(space, 8)
    for n, arch in enumerate(archs):
        metrics = {"loss": float(n)} if n else {}
        strategy.tell(Trial(number=n, arch=arch, state="complete" if n else "failed", metrics=metrics))
    assert strategy.densities is not None
    assert strategy.densities[0].data[:, 2].tolist() == [a["x"] for a in archs[1:5]]
    assert strategy.densities[1].data[-1, 2] == archs[0]["x"]


def test_it_proposes_the_smallest_ratio() -> None:
    space = line(3)
    strategy = KernelDensity(space, objectives=["loss"], random=0.0, seed=3)
    told(strategy, [(arch, abs(arch["x"] - 0.3)) for arch in drawn(space, 30)])
    assert strategy.densities is not None
    good, bad = strategy.densities
    rng = np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(3, spawn_key=(0,))).jumped(30))
    rng.random()  # random or not
    points = good.draw(64, rng, widen=3.0)
    best = points[(np.maximum(bad(points), 1e-32) / np.maximum(good(points), 1e-32)).argmin()]
    proposal = strategy.ask()
    assert proposal["x"] == pytest.approx(best[2])
    assert (proposal["c"], proposal["o"]) == (int(best[0]), 1 + int(4 * best[1]))


def test_a_third_is_random() -> None:
    space = Space([Real("x", 0.0, 1.0), Real("y", 0.0, 1.0)])
    strategy = KernelDensity(space, objectives=["loss"], samples=4)
    told(strategy, [(arch, arch["x"]) for arch in drawn(space, 10)])
    strategy.ask(3000)
    assert strategy.modelled / 3000 == pytest.approx(2 / 3, abs=0.03)


def test_the_model_is_of_the_largest_budget_that_has_one() -> None:
    space = line(3)
    strategy = BOHB(space, max_budget=9, objectives=["loss"])
    told(strategy, [(arch, arch["x"]) for arch in drawn(space, 30)], budget=1)
    assert strategy.model_budget == 1
    told(strategy, [(arch, arch["x"]) for arch in drawn(space, 7, seed=1)], budget=9)
    assert strategy.model_budget == 1
    told(strategy, [(arch, arch["x"]) for arch in drawn(space, 1, seed=2)], budget=9)
    assert strategy.model_budget == 9
    strategy.ask(50)
    assert strategy.model.densities is not None
    assert sum(len(d.data) for d in strategy.model.densities) == 8


def test_conditional_variables_are_imputed_from_those_that_have_them() -> None:
    space = Space([Choice("op", ("a", "b")), Real("x", 0.0, 1.0)], when={"x": {"op": ["a"]}})
    strategy = KernelDensity(space, objectives=["loss"])
    archs = [space.arch({"op": "a", "x": 0.25}), *[space.arch({"op": "b"})] * 2] * 2
    told(strategy, [(arch, float(i)) for i, arch in enumerate(archs)])
    assert strategy.densities is not None
    assert strategy.densities[0].data[:, 1].tolist() == [0.25] * 3
    assert strategy.densities[1].data[:, 1].tolist() == [0.25] * 3


def test_what_is_refused() -> None:
    for bad in ({"random": 1.5}, {"top": 0.0}, {"samples": 0}, {"widen": 0.0}, {"min_bandwidth": 0.0}):
        with pytest.raises(UserError):
            KernelDensity(ONES, **bad)
        with pytest.raises(UserError):
            BOHB(ONES, **bad)


def test_it_is_hyperband_with_that_base() -> None:
    ours = BOHB(ONES, max_budget=9, seed=1, samples=8)
    theirs = Hyperband(ONES, max_budget=9, seed=1, base=lambda space, **kw: KernelDensity(space, samples=8, **kw))
    for n in range(60):
        first, second = ours.ask(), theirs.ask()
        assert first == second
        for strategy in (ours, theirs):
            metrics = {"accuracy": float(sum(first.arch.values()))}
            strategy.tell(Trial(number=n, arch=first.arch, budget=first.budget, metrics=metrics))


def regret(strategy, budgets: float, seed: int) -> float:
    """Counting ones (Falkner et al. 2018, appendix): distance of the incumbent from the best, as a part of 16."""
    rng, spent, number = np.random.default_rng(seed), 0.0, 0
    best = (0.0, np.inf, 0.0)
    while spent < budgets:
        proposal = strategy.ask()
        arch, budget = (proposal.arch, proposal.budget) if isinstance(proposal, Proposal) else (proposal, 729.0)
        bits = sum(arch[f"b{i}"] for i in range(8))
        chances = np.array([arch[f"x{i}"] for i in range(8)])
        loss = -float(bits + (rng.binomial(round(budget), chances) / round(budget)).sum())
        spent, number = spent + budget / 729, number + 1
        best = max(best, (budget, -loss, bits + chances.sum()))
        strategy.tell(Trial(number=number, arch=arch, budget=budget, metrics={"loss": loss}))
    return 1 - float(best[2]) / 16


def test_counting_ones() -> None:
    kinds = {
        "random": lambda seed: Random(ONES, seed=seed, objectives=["loss"]),
        "hyperband": lambda seed: Hyperband(ONES, min_budget=9, max_budget=729, seed=seed, objectives=["loss"]),
        "bohb": lambda seed: BOHB(ONES, min_budget=9, max_budget=729, seed=seed, objectives=["loss"]),
    }
    mean = {name: np.mean([regret(make(seed), 42, seed) for seed in range(6)]) for name, make in kinds.items()}
    assert mean["bohb"] < mean["hyperband"] < mean["random"]
    assert mean["bohb"] <= 0.13
