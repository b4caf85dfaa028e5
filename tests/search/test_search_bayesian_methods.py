"""Every Bayesian optimiser keeps the rules of a strategy. Few candidates: the rules do not depend on their number."""

from collections.abc import Callable

import pytest

from archwright.search import BayesianOptimisation, Strategy, build
from archwright.search._bayesian_methods import nasbot, string_kernel_bo
from archwright.search.candidates._local import Local
from archwright.space import Space
from archwright.testing import StrategyContract


def few(space: Space) -> Local:
    return Local(space, parents=2, children=4, random=16, climbers=1, steps=1)


class TestPlain(StrategyContract):
    rounds = 8

    @pytest.fixture
    def strategy(self) -> Callable[..., Strategy]:
        return lambda space, **settings: BayesianOptimisation(
            space, initial=4, refit=20, restarts=1, candidates=few, **settings
        )


class TestTreeWasserstein(StrategyContract):
    rounds = 8
    spaces = ("conditional", "tiny")

    @pytest.fixture
    def strategy(self) -> Callable[..., Strategy]:
        return lambda space, **settings: BayesianOptimisation(
            space, kernel="tree-wasserstein", batch="k-dpp", initial=4, refit=20, restarts=1, candidates=few, **settings
        )


class TestOtmann(StrategyContract):
    rounds = 5
    spaces = ("conditional",)

    @pytest.fixture
    def strategy(self) -> Callable[..., Strategy]:
        return lambda space, **settings: nasbot(space, initial=4, size=8, **settings)


class TestString(StrategyContract):
    rounds = 5
    spaces = ("conditional",)

    @pytest.fixture
    def strategy(self) -> Callable[..., Strategy]:
        return lambda space, **settings: string_kernel_bo(space, initial=4, population=6, generations=1, **settings)


@pytest.mark.parametrize("name", ["gp", "tw-nas", "nasbot", "string-kernel-bo", "casmopolitan"])
def test_names_are_registered(name, flat):
    assert build(name, flat, initial=3).settings["initial"] == 3
