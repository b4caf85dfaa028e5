"""`compare`: finished runs side by side; run folders are made by hand."""

import copy
import json

import numpy as np
import pytest
import yaml

from archwright import run
from archwright.cli import main
from archwright.data import Partition

CONFIG = {
    "recipe": "default",
    "data": "digits",
    "seed": 0,
    "minutes": None,
    "limits": {"params": 40000.0},
    "phases": [{"search": {"strategy": {"nsga2": {"population": 24}}, "trials": 100}}, {"export": {}}],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Makes a run folder: name, seed, accuracy in percent of 400 test samples, and changes to the rest."""
    monkeypatch.chdir(tmp_path)

    def make(name, *, seed=0, test=90.0, fingerprint="f" * 64, first=0, change=None, **result):
        place = tmp_path / name
        place.mkdir()
        config = copy.deepcopy(CONFIG) | {"seed": seed}
        if change:
            change(config)
        result = {
            "test": {"accuracy": test},
            "valid": {"accuracy": 91.0},
            "params": 30000,
            "flops": 10**6,
            "latency_ms": 0.5,
            "latency": {"device": "here"},
            "size": 120000,
            "limits": config["limits"],
            "seconds": 60.0,
            "seed": seed,
            "recipe": config["recipe"],
            "space": {"name": "convnet"},
            "data": {"name": "digits", "fingerprint": fingerprint, "sizes": {"test": 400}},
        } | result
        (place / "result.json").write_text(json.dumps(result))
        (place / "config.yaml").write_text(yaml.safe_dump(config))
        rows = np.arange(first, first + 500)
        Partition(train=rows[450:], valid=rows[400:450], test=rows[:400][::-1].copy(), fingerprint=fingerprint).save(
            place / "split.npz"
        )
        return name

    return make


def _other_strategy(config):
    config["phases"][0]["search"]["strategy"] = {"random": {}}


def test_rows_have_the_interval_of_wilson(folder):
    row = run.compare([folder("a")])["runs"][0]
    low, high = (end / 100 for end in row["test_interval"])
    assert low < 0.9 < high
    for end in (low, high):  # what defines it: the share is 1.96 standard errors, taken at the end, away
        assert abs(0.9 - end) == pytest.approx(1.959964 * (end * (1 - end) / 400) ** 0.5, rel=1e-6)
    assert (row["test"], row["valid"], row["params"], row["seed"], row["trials"]) == (90.0, 91.0, 30000, 0, 0)
    assert row["limits"] == {"params": 40000.0}


def test_seeds_are_grouped(folder):
    folders = [folder("a", seed=0, test=90.0), folder("b", seed=1, test=92.0), folder("c", change=_other_strategy)]
    found = run.compare(folders)
    assert found["comparable"]
    (group,) = found["groups"]
    assert (group["n"], group["seeds"], group["runs"]) == (2, [0, 1], ["a", "b"])
    assert group["mean"]["test"] == 91.0
    assert group["std"]["test"] == pytest.approx(2**0.5)
    assert found["settings"] == {
        "phases.search.strategy.nsga2.population": [24, 24, None],
        "phases.search.strategy.random": [None, None, {}],
    }
    assert found["notes"] == []


def test_workers_do_not_split_a_group(folder):
    def busy(config):
        config["phases"][0]["search"]["workers"] = 2

    assert run.compare([folder("a"), folder("b", seed=1, change=busy)])["groups"][0]["n"] == 2


def test_another_limit_is_another_group(folder):
    def looser(config):
        config["limits"] = {"params": 50000.0}

    found = run.compare([folder("a"), folder("b", seed=1, change=looser)])
    assert found["groups"] == []
    assert found["comparable"]
    assert found["notes"] == ["the limits differ: a run with a looser limit may use a larger network"]


def test_other_data_are_not_comparable(folder, capsys):
    folders = [folder("a"), folder("b", fingerprint="0" * 64)]
    assert not run.compare(folders)["comparable"]
    assert main(["compare", *folders]) == 0
    assert "note: the data differ: accuracies are not comparable" in capsys.readouterr().out


def test_other_test_samples_are_not_comparable(folder, capsys):
    folders = [folder("a"), folder("b", seed=1, first=100)]
    found = run.compare(folders)
    assert not found["comparable"]
    assert len(found["groups"]) == 1
    assert main(["compare", *folders]) == 0
    said = capsys.readouterr().out
    assert "note: the test samples differ" in said
    assert "accuracies of single runs are not comparable" in said


def test_same_test_samples_in_another_order_are_the_same(folder, tmp_path):
    folders = [folder("a"), folder("b", seed=1)]
    stored = Partition.read(tmp_path / "b" / "split.npz")
    Partition(train=stored.valid, valid=stored.train, test=np.sort(stored.test), fingerprint="f" * 64).save(
        tmp_path / "b" / "split.npz"
    )
    found = run.compare(folders)
    assert found["comparable"]
    assert found["notes"] == [
        "the test samples are the same, the division of the others into training and validation is not"
    ]


def test_other_device(folder):
    found = run.compare([folder("a"), folder("b", latency={"device": "there"})])
    assert found["notes"] == ["latencies were measured on different devices and are not comparable"]


def test_tables_for_people(folder, capsys):
    folders = [folder("a"), folder("b", seed=1, test=92.0), folder("c", change=_other_strategy)]
    assert main(["compare", *folders]) == 0
    said = capsys.readouterr().out
    assert "90.00   86.67 to 92.57  91.00        30,000  1,000,000" in said
    assert "params 40,000" in said
    assert "digits, default, seeds 0, 1  2  91 ± 1.4" in said
    assert "phases.search.strategy.random            -   -   default" in said


def test_json(folder, capsys):
    assert main(["compare", folder("a"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["run"] == "a"


def test_what_a_run_lacks_is_a_dash(folder, capsys):
    assert main(["compare", folder("a", test=None, valid=None, seconds=None, latency_ms=None)]) == 0
    assert "  -" in capsys.readouterr().out


def test_mistakes(folder, tmp_path, capsys):
    name = folder("a")
    (tmp_path / "empty").mkdir()
    for words, message in (
        ([name, f"./{name}"], "is named twice"),
        (["empty"], "is not the folder of a run"),
        ([], "the following arguments are required: RUN"),
    ):
        assert main(["compare", *words]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
