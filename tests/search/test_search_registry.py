"""Strategies by name."""

import subprocess
import sys

import pytest

from archwright import search
from archwright.errors import UserError
from archwright.search import STRATEGIES, RegularizedEvolution, build, names
from archwright.space import Space


def test_names() -> None:
    assert names() == [
        "area",
        "asynchronous-halving",
        "bohb",
        "casmopolitan",
        "gp",
        "hyperband",
        "kernel-density",
        "learning-curve-stopping",
        "local-search",
        "median-stopping",
        "nasbot",
        "nsga2",
        "optuna-gp",
        "optuna-nsga2",
        "optuna-random",
        "optuna-tpe",
        "pnas",
        "ppo",
        "predictor",
        "pymoo-ga",
        "pymoo-nsga2",
        "random",
        "regularized-evolution",
        "reinforce",
        "screening",
        "string-kernel-bo",
        "successive-halving",
        "tw-nas",
    ]


@pytest.mark.parametrize("name", names())
def test_every_name_says_what_it_is(name: str) -> None:
    assert 10 < len(STRATEGIES.about(name)) < 110


def test_build_passes_settings_on(flat: Space) -> None:
    strategy = build("regularized-evolution", flat, population=9, sample=4, seed=3, limits={"params": 1})
    assert isinstance(strategy, RegularizedEvolution)
    assert strategy.settings["population"] == 9
    assert (strategy.seed, strategy.limits) == (3, {"params": 1})


def test_unknown_name(flat: Space) -> None:
    with pytest.raises(UserError, match="unknown strategy 'nsga3'; did you mean 'nsga2'"):
        build("nsga3", flat)


def test_unknown_setting(flat: Space) -> None:
    with pytest.raises(UserError, match="strategy 'nsga2' has no setting 'poplation'; did you mean 'population'"):
        build("nsga2", flat, poplation=3)


def test_unknown_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Simplex'"):
        _ = search.Simplex


@pytest.mark.parametrize("name", search.__all__)
def test_everything_listed_is_there(name: str) -> None:
    assert getattr(search, name) is not None


def test_neither_torch_nor_optuna_is_imported() -> None:
    code = (
        "import sys, archwright.search, archwright.study; sys.exit(any(m in sys.modules for m in ('torch', 'optuna')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
