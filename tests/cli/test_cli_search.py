"""`search` and `run`: options become a checked configuration, answers become words. Runs are faked here."""

import json

import pytest

import archwright.run
from archwright.cli import main
from archwright.errors import Infeasible

RESULT = {
    "architecture": {"stage1.width": 32, "stage1.depth": 1},
    "valid": {"accuracy": 99.63},
    "test": {"accuracy": 99.17},
    "params": 38914,
    "flops": 4104320,
    "latency_ms": 0.4231,
    "size": 160000,
    "limits": {"params": 40000.0},
    "seconds": 93.2,
    "seed": 0,
}


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Every call of `archwright.run.execute`: (config, folder)."""
    monkeypatch.chdir(tmp_path)
    calls = []

    def execute(config, folder, *, progress=None):
        calls.append((config, folder))
        progress.phase("search", 1, 1)
        progress.table("Pareto set", ["trial", "accuracy"], [[7, 99.5]])
        return RESULT

    monkeypatch.setattr(archwright.run, "execute", execute)
    return calls


def _phase(config, name):
    return next(phase for phase in config.phases if phase.name == name).settings


def test_options_reach_the_configuration(runs):
    words = (
        "search digits --out here --seed 3 --minutes 2.5 --trials 7 --workers 2 --strategy random "
        "--objective accuracy --objective flops --max-params 40k --max-flops 1.5M --max-latency-ms 2 --max-size 160KB "
        "--set phases.train-supernet.trainer.epochs=3"
    )
    assert main(words.split()) == 0
    ((config, folder),) = runs
    assert str(folder) == "here"
    assert (config.data, config.seed, config.minutes, config.objectives) == ("digits", 3, 2.5, ("accuracy", "flops"))
    assert config.limits == {"params": 40e3, "flops": 1.5e6, "latency_ms": 2.0, "size": 160e3}
    assert _phase(config, "search")["trials"] == 7
    assert _phase(config, "search")["workers"] == 2
    assert _phase(config, "search")["strategy"].name == "random"
    assert _phase(config, "train-supernet")["trainer"].epochs == 3


def test_a_part_named_again_keeps_its_settings(runs):
    words = "search digits --recipe spos --strategy nsga2 --estimator shared-weights --space convnet"
    assert main(words.split()) == 0
    search = _phase(runs[0][0], "search")
    assert search["strategy"].settings["population"] == 50
    assert search["estimator"].settings["calibration"] == 80


@pytest.mark.parametrize("name", ["hyperband", "bohb", "successive-halving", "asynchronous-halving", "median-stopping"])
def test_a_strategy_that_needs_trainings_stands_for_its_recipe(runs, name):
    assert main(["search", "digits", "--strategy", name]) == 0
    config = runs[0][0]
    assert config.recipe == name
    assert _phase(config, "search")["strategy"].name == name
    assert _phase(config, "search")["estimator"].name == "train"


def test_it_does_not_where_the_estimator_or_the_recipe_is_named(runs):
    for option, value in (("--estimator", "train"), ("--recipe", "random-search")):
        assert main(["search", "digits", "--strategy", "hyperband", option, value]) == 0
    assert [config.recipe for config, _ in runs] == ["default", "random-search"]


def test_strategies_inside_strategies(runs):
    words = (
        "search digits --recipe hyperband --set phases.search.strategy.hyperband.base.regularized-evolution.sample=3"
    )
    assert main(words.split()) == 0
    base = _phase(runs[0][0], "search")["strategy"].settings["base"]
    assert (base.kind, base.name, base.settings) == ("strategy", "regularized-evolution", {"sample": 3})


def test_another_estimator_drops_the_old_settings(runs):
    assert main(["search", "digits", "--estimator", "train"]) == 0
    assert _phase(runs[0][0], "search")["estimator"].settings == {}


@pytest.mark.parametrize(
    ("words", "space"), [("", None), ("--recipe spos", None), ("--space convnet", "convnet")]
)  # None: the run decides by the kind of data
def test_a_table_gets_a_space_for_rows_unless_one_is_named(runs, words, space, tmp_path):
    (tmp_path / "rows.csv").write_text("a,species\n1,x\n")
    assert main(["search", "rows.csv", "--label", "species", *words.split()]) == 0
    chosen = runs[0][0].space
    assert (chosen and chosen.name, runs[0][0].label) == (space, "species")


def test_first_line_last_line_and_answer(runs, capsys):
    assert main(["search", "digits", "--out", "runs/first"]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].startswith("archwright 0.")
    assert "cpu" in lines[0]
    assert lines[0].endswith("runs/first")
    assert lines[-1] == "run folder: runs/first"
    assert "trial  accuracy" in said.out
    assert "test accuracy 99.17 %, valid accuracy 99.63 %" in said.out
    assert "38,914 parameters" in said.out
    assert "limits met: params 38,914 of at most 40,000" in said.out
    assert said.err == ""


def test_report_is_the_last_line_if_there_is_one(runs, capsys, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "report.html").touch()
    main(["search", "digits", "--out", "a"])
    assert capsys.readouterr().out.splitlines()[-1] == "report: a/report.html"


def test_new_folder_has_time_and_data(runs):
    main(["search", "digits"])
    assert runs[0][1].parts[0] == "runs"
    assert runs[0][1].name.endswith("-digits")


def test_json_is_alone_on_standard_output(runs, capsys):
    assert main(["search", "digits", "--out", "a", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == RESULT
    assert "Pareto set" in said.err


def test_interrupted_says_how_to_go_on(monkeypatch, tmp_path, capsys):
    def execute(config, folder, *, progress=None):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(archwright.run, "execute", execute)
    words = ["search", "digits", "--seed", "1"]
    assert main(words) == 130
    assert "continue with: archwright search digits --seed 1 --out runs/" in capsys.readouterr().err
    assert main([*words, "--out", "mine"]) == 130
    assert capsys.readouterr().err.endswith("continue with: archwright search digits --seed 1 --out mine\n")


def test_infeasible_has_its_own_exit_code(monkeypatch, tmp_path, capsys):
    def execute(config, folder, *, progress=None):
        raise Infeasible("no network meets the limits; the nearest has params 9,000 instead of at most 10")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(archwright.run, "execute", execute)
    assert main(["search", "digits", "--max-params", "10"]) == 3
    assert "no network meets the limits" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("search digit", "unknown data 'digit': no such name, no such path; did you mean 'digits'?"),
        ("search digits --space convnett", "space: unknown space 'convnett'; did you mean 'convnet'?"),
        ("search digits --strategy nsga3", "phases.search.strategy: unknown strategy 'nsga3'; did you mean 'nsga2'"),
        ("search digits --max-params 4MB", "a limit of params is a number above 0 like 150k or 1.5M, got '4MB'"),
        ("search digits --recipe spso", "unknown recipe 'spso'; did you mean 'spos' or 'snas'?"),
        ("search digits --set phases.serch.trials=3", "no element 'serch'; did you mean 'search'?"),
        ("search digits --net nothing", "net: expected package.module:function, got 'nothing'"),
        ("search digits --minutes 0", "minutes: must be above 0, got 0"),
        ("search digits --objective beauty", "objective 'beauty' has no known direction"),
    ],
)  # fmt: skip
def test_mistakes_are_found_before_anything_runs(runs, words, message, capsys):
    assert main(words.split()) == 2
    assert message in capsys.readouterr().err
    assert runs == []


def test_run_takes_a_file_and_changes_on_both_sides_of_options(runs, tmp_path):
    assert main(["cp", "default", "mine.yaml"]) == 0
    assert main(["run", "mine.yaml", "data=digits", "--out", "x", "phases.search.trials=3", "limits.params=40k"]) == 0
    ((config, folder),) = runs
    assert (config.data, str(folder), _phase(config, "search")["trials"], config.limits) == (
        "digits",
        "x",
        3,
        {"params": 40e3},
    )


def test_run_without_data(runs, capsys):
    assert main(["run", "default"]) == 2
    assert "no data; name one of" in capsys.readouterr().err


def test_run_does_not_import_code_that_only_the_file_names(runs, tmp_path, capsys):
    (tmp_path / "r.yaml").write_text("data: digits\nnet: mine:net\nphases: [choose]")
    assert main(["run", "r.yaml"]) == 2
    assert "imports code (mine:net); if you trust it, say so by repeating it: net=mine:net" in capsys.readouterr().err
    assert main(["run", "r.yaml", "net=mine:net"]) == 0


@pytest.mark.parametrize("name", ["default", "spos", "bignas", "random-search", "regularized-evolution"])
def test_every_shipped_recipe_passes_its_check(name, capsys):
    assert main(["check", name]) == 0
    assert f"{name} is right: no data" in capsys.readouterr().out


def test_check_effective_can_be_passed_back(tmp_path, capsys):
    assert main(["check", "default", "data=digits", "--effective"]) == 0
    text = capsys.readouterr().out
    file = tmp_path / "effective.yaml"
    file.write_text(text)
    assert main(["check", str(file), "--effective"]) == 0
    assert capsys.readouterr().out == text


def test_check_json_has_the_defaults(capsys):
    assert main(["check", "default", "data=digits", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["data"] == "digits"
    assert found["phases"][0]["train-supernet"]["trainer"]["momentum"] == 0.9


def test_check_finds_mistakes(tmp_path, capsys):
    file = tmp_path / "r.yaml"
    file.write_text("phases:\n  - search: {trails: 5}\n")
    assert main(["check", str(file)]) == 2
    assert "phases.search: unknown key 'trails'" in capsys.readouterr().err
