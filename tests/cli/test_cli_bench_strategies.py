import json
import sys
from pathlib import Path

import pytest

from archwright.bench import BENCHMARKS
from archwright.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
from bench_tables import Toy, needs

BENCH = ["bench", "strategies"]


@pytest.fixture(autouse=True)
def toy(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    load, names = BENCHMARKS.load, BENCHMARKS.names
    monkeypatch.setattr(BENCHMARKS, "load", lambda name: Toy if name == "toy" else load(name))
    monkeypatch.setattr(BENCHMARKS, "names", lambda: [*names(), "toy"])


def test_a_table_a_page_and_rows(capsys, tmp_path):
    words = [*BENCH, "--problem", "toy", "--strategies", "random,nsga2:population=4,screening", "--budget", "8"]
    assert main([*words, "--seeds", "3", "--json", "rows.json"]) == 0
    said = capsys.readouterr().out
    assert "toy on digits: 8 evaluations, 3 seeds, regret in percentage points" in said
    assert "6/6" in said, "the runs of a strategy that cannot run are not counted"
    assert "screening left out on digits: a pool is ranked by a score" in said
    assert "expected random search" in said
    rows = json.loads((tmp_path / "rows.json").read_text())
    keys = ["strategy", "dataset", "valid_regret", "valid_low", "valid_high", "test_regret", "test_low", "test_high"]
    assert all(list(row) == [*keys, "seconds"] for row in rows)
    assert {row["strategy"] for row in rows} == {"random", "nsga2:population=4", "expected random search"}
    assert [row["valid_regret"] for row in rows] == sorted(row["valid_regret"] for row in rows)
    folder = tmp_path / "runs" / "bench-toy-strategies"
    assert "<svg" in (folder / "strategies.html").read_text()
    before = (folder / "runs.jsonl").read_text()
    assert main([*words, "--seeds", "3"]) == 0
    assert (folder / "runs.jsonl").read_text() == before
    assert main([*words, "--seeds", "4", "--again", "random"]) == 0
    assert len((folder / "runs.jsonl").read_text().splitlines()) == len(before.splitlines()) + 5


def test_a_problem(capsys, tmp_path):
    words = [*BENCH, "--problem", "func2c", "--strategies", "random,pymoo-ga", "--budget", "6", "--seeds", "2"]
    assert main([*words, "--out", "here", "--initial", "2"]) == 0
    said = capsys.readouterr().out
    assert "func2c: 6 evaluations, 2 seeds, regret in loss; no test results, test regret is regret" in said
    assert "page: here/strategies.html" in said


def test_problems_are_listed(capsys):
    assert main(["ls", "problems"]) == 0
    said = capsys.readouterr().out
    for name in ("func2c", "ackley53", "maxsat60", "pest-control", "xgboost-digits", "svm"):
        assert name in said
    assert main(["ls", "problems", "rosenbrock"]) == 0
    assert "whole" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--problem", "func2d", "--strategies", "random"], "unknown problem 'func2d'; did you mean 'func"),
        (["--problem", "nasbench21", "--strategies", "random"], "did you mean 'nasbench"),
        (["--problem", "toy", "--strategies", "randon"], "unknown strategy 'randon'; did you mean 'random'"),
        (["--problem", "toy", "--strategies", "random", "--dataset", "cifar10"], "no results on 'cifar10'"),
        (["--problem", "toy", "--strategies", "random", "--metric", "acc"], "no metric 'acc'"),
        (["--problem", "toy", "--strategies", "random", "--budget", "0"], "at least 1"),
        (["--problem", "toy", "--strategies", "random", "--initial", "-1"], "initial is from 0 to budget"),
        (["--problem", "func2c", "--strategies", "random", "--dataset", "x"], "a problem without --dataset"),
        (["--problem", "toy", "--strategies", ","], "at least one problem, one strategy"),
        (["--problem", "toy", "--strategies", "screening", "--budget", "2"], "none of the strategies could search toy"),
        (["--problem", "toy"], "--strategies"),
        (["--problem", "toy", "--strategies", "random", "--sedes", "3"], "did you mean '--seeds'"),
    ],
)
def test_bad_input(words, said, capsys):
    assert main([*BENCH, *words]) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert said in error[0]


def test_maxsat_without_its_instance(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("ARCHWRIGHT_DATA", str(tmp_path))
    assert main([*BENCH, "--problem", "maxsat60", "--strategies", "random"]) == 2
    assert "maxsat60 needs its instance" in capsys.readouterr().err


@needs("nasbench201.npz")
def test_all_data_sets_of_a_table(capsys):
    words = ["--problem", "nasbench201", "--strategies", "random,local-search", "--budget", "10", "--seeds", "2"]
    assert main([*BENCH, *words]) == 0
    said = capsys.readouterr().out
    for dataset in ("cifar10", "cifar100", "imagenet16-120"):
        assert f"nasbench201 on {dataset}: 10 evaluations" in said
    assert "mean rank" in said
    assert main([*BENCH, *words, "--dataset", "cifar100,cifar10"]) == 0
    assert "imagenet16-120" not in capsys.readouterr().out
