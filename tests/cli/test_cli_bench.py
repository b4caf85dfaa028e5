import json
import sys
from pathlib import Path

import pytest

from archwright.bench import BENCHMARKS
from archwright.bench.sources import SOURCES, Original, TableSource
from archwright.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
from bench_tables import Toy, needs


@pytest.fixture(autouse=True)
def toy(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    load = BENCHMARKS.load
    monkeypatch.setattr(BENCHMARKS, "load", lambda name: Toy if name == "toy" else load(name))


def test_a_table_a_page_and_rows(capsys, tmp_path):
    words = ["bench", "estimators", "--problem", "toy", "--estimators", "synflow,table:first", "--count", "12"]
    assert main([*words, "--json", "rows.json"]) == 0
    said = capsys.readouterr().out
    lines = [line.split()[0] for line in said.splitlines() if line and not line.startswith(" ")]
    for name in ("synflow", "table:first", "params", "flops", "ops", "random"):
        assert name in lines
    assert "12/12" in said
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert {"estimator", "dataset", "kendall", "spearman", "low", "high", "seconds_per_architecture"} <= rows[0].keys()
    assert [row["estimator"] for row in rows][:2] == ["synflow", "table:first"]
    assert rows[0]["seconds_per_architecture"] > 0
    page = (tmp_path / "runs" / "bench-toy-digits" / "estimators.html").read_text()
    assert page.count("<svg") >= 6
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "NaN" not in page

    before = (tmp_path / "runs" / "bench-toy-digits" / "scores.jsonl").read_text()
    assert main([*words, "--out", "runs/bench-toy-digits"]) == 0
    assert (tmp_path / "runs" / "bench-toy-digits" / "scores.jsonl").read_text() == before


def test_all_architectures(capsys, tmp_path):
    assert main(["bench", "estimators", "--problem", "toy", "--count", "all", "--out", "here"]) == 0
    said = capsys.readouterr().out
    assert next(line for line in said.splitlines() if line.startswith("another training")).split()[2] == "25"
    assert not (tmp_path / "here" / "scores.jsonl").exists(), "nothing was computed"


def test_bench_alone_lists_what_is_below(capsys):
    assert main(["bench"]) == 0
    assert "estimators" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--problem", "toi"], "unknown benchmark 'toi'"),
        (["--problem", "toy", "--dataset", "cifar10"], "no results on 'cifar10'"),
        (["--problem", "toy", "--estimators", "naswott"], "did you mean 'naswot'"),
        (["--problem", "toy", "--count", "0"], "at least 1"),
        (["--problem", "toy", "--metric", "acc"], "no metric 'acc'"),
        ([], "--problem"),
        (["--problem", "toy", "--cuont", "3"], "did you mean '--count'"),
    ],
)
def test_bad_input(words, said, capsys):
    assert main(["bench", "estimators", *words]) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert said in error[0]


@needs("nasbench201.npz")
def test_on_a_published_table(capsys):
    assert main(["bench", "estimators", "--problem", "nasbench201", "--count", "100"]) == 0
    assert "nasbench201 on cifar10: valid_accuracy after 200 epochs, seed 0" in capsys.readouterr().out


def test_a_missing_table_is_one_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("ARCHWRIGHT_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    nobody = TableSource(originals={"file": Original("http://127.0.0.1:9/file", "0" * 64)}, convert=lambda _: {})
    monkeypatch.setitem(SOURCES, "nats_size_cifar10.npz", nobody)
    assert main(["bench", "estimators", "--problem", "nats-size"]) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert f"no table nats_size_cifar10.npz in {tmp_path / 'nas'} or" in error[0]
    assert "http://127.0.0.1:9/file cannot be downloaded" in error[0]
