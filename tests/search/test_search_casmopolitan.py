"""CASMOPOLITAN: the rules of a strategy, its region, its restarts, Ackley's function of 50 bits and 3 numbers."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from archwright.search import Casmopolitan, Strategy
from archwright.search._region_search import distance
from archwright.search._targets import copula
from archwright.space import Arch, Choice, Real, Space
from archwright.testing import StrategyContract
from archwright.trial import Trial

BITS = Space([Choice(f"h{i}", (0, 1)) for i in range(8)])
ACKLEY = Space([Choice(f"h{i}", (0, 1)) for i in range(50)] + [Real(f"x{i}", -1.0, 1.0) for i in range(3)])
MIXED = Space([Choice(f"h{i}", (0, 1, 2)) for i in range(4)] + [Real("x", -1.0, 1.0), Real("y", 1e-3, 1.0, log=True)])


class TestContract(StrategyContract):
    rounds = 10

    @pytest.fixture
    def strategy(self) -> Callable[..., Strategy]:
        return lambda space, **settings: Casmopolitan(space, initial=4, starts=1, **settings)


def ackley(arch: Arch) -> float:
    z = np.array([float(v) for v in arch.values()])
    bowl = -20 * math.exp(-0.2 * math.sqrt((z**2).mean()))
    return bowl - math.exp(np.cos(2 * math.pi * z).mean()) + 20 + math.e


def run(strategy: Strategy, loss: Callable[[Arch], float], trials: int) -> list[float]:
    """Best loss after each trial."""
    best: list[float] = []
    for number in range(trials):
        arch = strategy.ask()
        best.append(min([loss(arch), *best[-1:]]))
        strategy.tell(Trial(number=number, arch=arch, metrics={"loss": loss(arch)}))
    return best


def test_the_copula_of_ties():
    assert copula(np.array([3.0, 1, 2, 2])) == pytest.approx([0.8416, -0.8416, 0.2533, 0.2533], abs=1e-4)


def test_the_test_function():
    zero = {v.name: 0 for v in ACKLEY.variables}
    assert ackley(ACKLEY.arch(zero)) == pytest.approx(0, abs=1e-9)
    assert ackley(ACKLEY.arch({**zero, "h0": 1})) == pytest.approx(0.54196, abs=1e-5)
    assert ackley(ACKLEY.arch({**zero, **{f"h{i}": 1 for i in range(50)}})) == pytest.approx(3.53108, abs=1e-5)


@pytest.mark.parametrize("space", [BITS, MIXED], ids=["bits", "mixed"])
def test_every_proposal_lies_in_the_region(space):
    chosen = Casmopolitan(space, objectives=["loss"], initial=5, hamming=2, widest=3, failures=4, starts=1)
    for number in range(22):
        centre, region = chosen.centre, chosen.region
        started = centre is not None and chosen._archs
        arch = chosen.ask()
        if started and len(chosen._archs) >= 5 and space is MIXED:
            assert distance(space, arch, centre) <= region.hamming
            for real in (space["x"], space["y"]):
                assert abs(real.position(arch[real.name]) - real.position(centre[real.name])) <= region.box / 2 + 1e-9
        elif started and len(chosen._archs) >= 5 and number < 12:  # later the ball of a small space may be exhausted
            assert 1 <= distance(space, arch, centre) <= region.hamming
        loss = sum(float(v) for v in arch.values())
        chosen.tell(Trial(number=number, arch=arch, metrics={"loss": loss}))


def test_a_collapsed_region_starts_again_without_its_data():
    chosen = Casmopolitan(ACKLEY, objectives=["loss"], initial=3, hamming=2, widest=2, failures=2, starts=1)
    for number in range(5):
        chosen.tell(
            Trial(number=number, arch=ACKLEY.sample(np.random.default_rng(number)), metrics={"loss": 1.0 + number})
        )
    assert chosen.restarts == 1
    assert chosen.centre is None
    first, *rest = chosen.ask(3)
    assert all(distance(ACKLEY, arch, first) <= 2 for arch in rest)


def test_small_improvements_are_no_success():
    chosen = Casmopolitan(BITS, objectives=["loss"], initial=1, hamming=4, widest=8, successes=1, failures=1)
    rng = np.random.default_rng(0)
    chosen.tell(Trial(number=0, arch=BITS.sample(rng), metrics={"loss": 1.0}))
    chosen.tell(Trial(number=1, arch=BITS.sample(rng), metrics={"loss": 0.9995}))
    assert chosen.region.hamming == 2
    chosen.tell(Trial(number=2, arch=BITS.sample(rng), metrics={"loss": 0.5}))
    assert chosen.region.hamming == 3


def test_the_sum_of_bits_is_solved():
    best = run(Casmopolitan(BITS, objectives=["loss"], initial=5), lambda a: float(sum(a.values())), 30)
    assert best[-1] == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ackley_of_53_variables(seed):
    """200 evaluations: below 1; random search stays above 2.1."""
    best = run(Casmopolitan(ACKLEY, objectives=["loss"], hamming=30, widest=50, seed=seed), ackley, 200)
    assert best[-1] < 1.0
