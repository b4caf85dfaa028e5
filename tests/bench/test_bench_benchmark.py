from __future__ import annotations

import math

import numpy as np
import pytest
from bench_tables import Toy

from archwright.bench import BENCHMARKS, Benchmark, Tabular, load, names
from archwright.bench.sources import SOURCES, Original, TableSource
from archwright.errors import UserError
from archwright.study import Study


@pytest.fixture(scope="module")
def toy() -> Benchmark:
    return Toy()


def test_query_values_and_budgets(toy: Benchmark) -> None:
    everything = toy.architectures()
    assert len(everything) == len(toy) == 25
    assert everything[-1] == {"first": 5, "second": 5}
    assert everything[1:3] == [{"first": 1, "second": 2}, {"first": 1, "second": 3}]
    for metric, budget in (("valid_accuracy", None), ("valid_accuracy", 1), ("params", 1), ("flops", None)):
        found = [toy.query(arch, metric, budget) for arch in everything]
        assert found == toy.values(metric, budget).tolist()
    assert toy.query(everything[3], "valid_accuracy") == toy.query(everything[3], "valid_accuracy", 9)
    assert toy.seconds(everything[-1]) == 45
    assert toy.seconds(everything[-1], 1) == 5


def test_values_are_a_copy(toy: Benchmark) -> None:
    toy.values("params")[:] = 0
    toy.score("first")[:] = 0
    assert toy.values("params").min() > 0
    assert toy.score("first").min() > 0


def test_best(toy: Benchmark) -> None:
    arch, value = toy.best()
    assert value == toy.values("valid_accuracy").max() == toy.query(arch, "valid_accuracy")
    assert toy.best("params") == ({"first": 1, "second": 1}, 17)


def test_order_of_names_and_plain_mappings_do_not_matter(toy: Benchmark) -> None:
    assert toy.index({"second": 2, "first": 4}) == toy.index(toy.space.arch({"first": 4, "second": 2})) == 16


@pytest.mark.parametrize(
    ("arch", "said"),
    [
        ({"first": 1}, "'second' is missing"),
        ({"first": 1, "second": 9}, "second"),
        ({"first": 1, "second": 1, "third": 1}, "third"),
        ({"first": [1], "second": 1}, "first"),
    ],
)
def test_not_of_the_space(toy: Benchmark, arch: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        toy.query(arch, "params")


def test_unknown_words(toy: Benchmark) -> None:
    arch = toy.architectures()[0]
    with pytest.raises(UserError, match="did you mean 'valid_accuracy'"):
        toy.query(arch, "valid_acuracy")
    with pytest.raises(UserError, match="valid_accuracy after 1, 9 epochs, not after 12"):
        toy.query(arch, "valid_accuracy", 12)
    with pytest.raises(UserError, match="test_accuracy after 9 epochs, not after 1"):
        toy.values("test_accuracy", 1)
    with pytest.raises(UserError, match="published scores 'naswot'"):
        toy.score("naswot")
    with pytest.raises(UserError, match="toy has no results on 'cifar10'"):
        Toy("cifar10")
    with pytest.raises(UserError, match="unknown benchmark 'nasbench20'; did you mean"):
        load("nasbench20")


def test_a_table_that_is_missing_says_where_it_was_looked_for(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ARCHWRIGHT_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    nobody = TableSource(originals={"file": Original("http://127.0.0.1:9/file", "0" * 64)}, convert=lambda _: {})
    for file in list(SOURCES):
        monkeypatch.setitem(SOURCES, file, nobody)
    for name in names():
        with pytest.raises(UserError, match=r"nas/\w+\.npz") as caught:
            load(name)
        assert str(tmp_path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_every_benchmark_says_what_it_is() -> None:
    for name in names():
        assert BENCHMARKS.load(name).name == name
        assert BENCHMARKS.about(name)


def test_a_study_runs_on_a_table(toy: Benchmark) -> None:
    result = Study(toy.space, "random", Tabular(toy), limits={"params": 51}).run(trials=20)
    best = result.best
    assert best.metrics["accuracy"] == best.metrics["valid_accuracy"] == toy.query(best.arch, "valid_accuracy")
    assert best.metrics["seconds"] == toy.seconds(best.arch)
    assert best.arch["first"] <= 3
    assert "test_accuracy" not in best.metrics
    assert best.source == "table"
    assert {trial.state for trial in result.trials} == {"complete", "refused"}


def test_tabular_reports_at_the_budget(toy: Benchmark) -> None:
    arch = toy.architectures()[7]
    costs, result = Tabular(toy, "valid_accuracy", costs=("flops",))(arch, budget=1)
    assert (costs.step, dict(costs.metrics)) == (0, {"flops": 68})
    assert result.step == 1
    assert result.metrics["accuracy"] == toy.query(arch, "valid_accuracy", 1)
    assert result.metrics["seconds"] == 2
    with pytest.raises(UserError, match="did you mean 'valid_accuracy'"):
        Tabular(toy, "valid_acc")
    assert math.isfinite(np.sum(list(result.metrics.values())))
