"""Recipes that search by gradient, small, from data to an exported network."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from archwright import recipes, run
from archwright.cli._request import _take_recipe_of_strategy
from archwright.errors import Infeasible, UserError

SMALL = (
    "space.darts.channels=4",
    "space.darts.layers=3",
    "phases.search-by-gradient.trainer.epochs=1",
    "phases.search-by-gradient.trainer.batch_size=128",
    "phases.train.trainer.epochs=1",
)


def config(name: str, *overrides: str) -> run.Config:
    return recipes.check(recipes.read(name, [*SMALL, *overrides]), data="digits")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "gdas"
    run.execute(config("gdas"), folder)
    return folder


def test_the_run_leaves_a_network_and_its_history(finished: Path) -> None:
    result = json.loads((finished / "result.json").read_text())
    assert result["test"]["accuracy"] > 0
    (entry,) = result["gradient"]["history"]
    assert set(entry["probabilities"]["normal.edge02"]) > {"skip_connect", "(none)"}
    assert {"accuracy", "skip_share", "eigenvalue"} <= entry.keys()
    assert sum(entry["probabilities"]["normal.edge02"].values()) == pytest.approx(1.0, abs=1e-3)
    assert (finished / "best" / "model.onnx").is_file()


def test_the_report_shows_how_the_parameters_moved(finished: Path) -> None:
    page = (finished / "report.html").read_text()
    assert "probabilities of normal.edge" in page
    assert "share of skip connections" in page


def test_a_finished_run_is_taken_up(finished: Path) -> None:
    before = json.loads((finished / "result.json").read_text())["architecture"]
    assert run.execute(config("gdas"), finished)["architecture"] == before


def test_a_limit_binds(tmp_path: Path) -> None:
    with pytest.raises(Infeasible):
        run.execute(config("gdas", "limits.params=10"), tmp_path / "none")


@pytest.mark.parametrize("name", recipes.by_gradient())
def test_every_recipe_names_parts_that_go_together(name: str) -> None:
    """The slots are built as the phase builds them."""
    checked = recipes.check(recipes.read(name), data="digits")
    part = next(p for p in checked.phases if p.name == "search-by-gradient")
    part.build(run.PHASES).slots()


def test_a_method_as_strategy_is_its_recipe() -> None:
    def asked(**options: str) -> argparse.Namespace:
        args = argparse.Namespace(**{"recipe": "default", "strategy": None, "estimator": None, **options})
        _take_recipe_of_strategy(args)
        return args

    assert (asked(strategy="darts").recipe, asked(strategy="darts").strategy) == ("darts", None)
    assert (asked(strategy="nsga2").recipe, asked(strategy="nsga2").strategy) == ("default", "nsga2")
    with pytest.raises(UserError, match="--recipe gdas instead of --recipe bignas"):
        asked(strategy="gdas", recipe="bignas")
