"""Search without a trained supernet: zero-cost estimators, screened pools."""

from __future__ import annotations

from pathlib import Path

import pytest

from archwright import recipes, run, study

SHORT = "phases.train.trainer.epochs=2"


class Log(run.Progress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def message(self, text: str) -> None:
        self.said.append(text)


def executed(recipe: str, folder: Path, *overrides: str) -> tuple[dict, list, Log]:
    log = Log()
    config = recipes.check(recipes.read(recipe, [SHORT, "seed=3", *overrides]), data="digits")
    result = run.execute(config, folder, progress=log)
    return result, study.stored(folder / "study.db", "search"), log


def test_the_default_recipe_trains_no_supernet_for_a_score(tmp_path: Path) -> None:
    changes = ("phases.search.estimator={naswot: {batch_size: 32}}", "phases.search.trials=8", "limits.params=15000")
    result, trials, log = executed("default", tmp_path / "run", *changes)
    assert "no phase looks at shared weights: the supernet is not trained" in log.said
    assert "supernet" not in result
    assert result["objectives"] == ["score", "params"]
    assert {t.source for t in trials} == {"zero-cost"}
    judged = [t for t in trials if t.state == "complete" and t.metrics["params"] <= 15000]
    best = max(judged, key=lambda t: t.metrics["score"])
    assert result["architecture"] == dict(best.arch)
    assert result["params"] <= 15000


def test_naswot_draws_scores_and_trains_the_best(tmp_path: Path) -> None:
    result, trials, _ = executed("naswot", tmp_path / "run", "phases.search.trials=12")
    assert len({t.arch for t in trials}) == 12
    assert result["architecture"] == dict(max(trials, key=lambda t: t.metrics["score"]).arch)
    assert all(t.metrics["score"] == t.metrics["naswot"] for t in trials)


@pytest.mark.parametrize("strategy", ["screening: {pool: 12}", "area: {pool: 12, population: 4, sample: 2}"])
def test_a_screened_search_trains_the_best_of_the_pool_first(tmp_path: Path, strategy: str) -> None:
    changes = (
        f"phases.search.strategy={{{strategy}}}",
        "phases.search.screen={params: {}}",
        "phases.search.trials=4",
        "phases.search.estimator.train.trainer.epochs=1",
        "limits.params=20000",
    )
    _, trials, _ = executed("area", tmp_path / "run", *changes)
    first, *pool = trials  # the first candidate of a limited run is one that is known to be within its limits
    assert first.metrics["params"] <= 20000
    sizes = [t.metrics["params"] for t in pool]
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) <= 20000
    assert {t.source for t in trials} == {"trained"}


def test_weights_that_are_the_answer_are_trained(tmp_path: Path) -> None:
    changes = (
        "phases.train-supernet.trainer.epochs=1",
        "phases.train-supernet.trainer.warmup=0",
        "phases.search.estimator={params: {}}",
        "phases.search.trials=4",
    )
    config = recipes.check(recipes.read("bignas", list(changes)), data="digits")
    result = run.execute(config, tmp_path / "run")
    assert result["supernet"]["epochs"] == 1
