"""ASHA, promotion by promotion."""

import itertools
from collections import Counter

import pytest

from archwright.search import AsynchronousHalving, Proposal
from archwright.space import Arch, Choice, Real, Space
from archwright.testing import StrategyContract
from archwright.trial import Trial

LINE = Space([Real("x", 0.0, 1.0)])


class TestContract(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return lambda space, **kw: AsynchronousHalving(space, max_budget=9, **kw)


def tell(strategy: AsynchronousHalving, arch: Arch, budget: float, loss: float | None) -> None:
    metrics = {} if loss is None else {"loss": loss}
    state = "failed" if loss is None else "complete"
    strategy.tell(Trial(number=strategy.told, arch=arch, budget=budget, metrics=metrics, state=state))


def fresh(**settings) -> AsynchronousHalving:
    return AsynchronousHalving(LINE, max_budget=9, eta=3, objectives=["loss"], **settings)


def at(x: float) -> Arch:
    return LINE.arch({"x": x})


def test_promotions_of_the_sheet() -> None:
    """Losses 5, 1, 4, 2, 3, 6 come in one by one: 1 may go on after the third, 2 after the sixth, 3 never."""
    promoted: list[tuple[int, float]] = []
    strategy = fresh()
    for n, loss in enumerate((5, 1, 4, 2, 3, 6), 1):
        tell(strategy, at(loss / 10), 1, loss)
        if (proposal := strategy.ask()).budget > 1:
            promoted.append((n, proposal.arch["x"]))
    assert promoted == [(3, 0.1), (6, 0.2)]


def test_one_of_nine_reaches_the_top() -> None:
    strategy = fresh()
    for n in range(9):
        tell(strategy, at(n / 10), 1, n)
    for n in range(3):
        assert strategy.ask() == Proposal(at(n / 10), 3.0)
    for n in range(3):
        tell(strategy, at(n / 10), 3, -n)
    assert strategy.ask() == Proposal(at(0.2), 9.0)
    assert strategy.ask().budget == 1
    tell(strategy, at(0.2), 9, 0.0)
    assert strategy.ask().budget == 1


def test_promoted_ones_stay_in_the_denominator() -> None:
    strategy = fresh()
    for n in range(6):
        tell(strategy, at(n / 10), 1, n)
    for n in range(2):
        tell(strategy, at(n / 10), 3, n)
    assert strategy.ask().budget == 1  # floor(6 / 3) have gone
    for n in range(6, 9):
        tell(strategy, at(n / 10), 1, n)
    assert strategy.ask() == Proposal(at(0.2), 3.0)


def test_what_is_running_is_not_promoted_twice() -> None:
    strategy = fresh()
    for n in range(6):
        tell(strategy, at(n / 10), 1, n)
    assert [p.budget for p in strategy.ask(3)] == [3, 3, 1]
    tell(strategy, at(0.1), 3, 0.0)  # the other one is still running
    assert strategy.ask().budget == 1


def test_a_dead_worker_blocks_nobody() -> None:
    strategy = fresh()
    for n in range(3):
        tell(strategy, at(n / 10), 1, n)
    assert strategy.ask() == Proposal(at(0.0), 3.0)
    tell(strategy, at(0.0), 3, None)  # died
    for n in range(3, 6):
        tell(strategy, at(n / 10), 1, n)
    assert strategy.ask() == Proposal(at(0.1), 3.0)


def test_failed_ones_count_but_are_not_promoted() -> None:
    strategy = fresh()
    tell(strategy, at(0.1), 1, 1.0)
    tell(strategy, at(0.2), 1, None)
    assert strategy.ask().budget == 1
    tell(strategy, at(0.3), 1, None)
    assert strategy.ask() == Proposal(at(0.1), 3.0)


def test_a_third_goes_on() -> None:
    strategy = AsynchronousHalving(Space([Choice("x", tuple(range(1000))), Choice("y", (0, 1))]), max_budget=27)
    for n in range(400):
        proposal = strategy.ask()
        metrics = {"accuracy": float(proposal.arch["x"])}
        strategy.tell(Trial(number=n, arch=proposal.arch, budget=proposal.budget, metrics=metrics))
    counts = Counter(len(rung) for rung in strategy._results)
    sizes = [len(rung) for rung in strategy._results]
    assert sum(counts.values()) == 4
    # early promotions were made among fewer rivals, so somewhat more than a third go on
    assert all(0.3 < above / below < 0.45 for below, above in itertools.pairwise(sizes))
