"""The main job on digits, small: what it leaves, how it continues, what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from archwright import recipes, run, study
from archwright.errors import Infeasible, UserError

SMALL = (
    "phases.train-supernet.trainer.epochs=2",
    "phases.train-supernet.trainer.warmup=0",
    "phases.search.trials=8",
    "phases.train.trainer.epochs=2",
    "phases.train.trainer.warmup=0",
    "phases.verify.networks=2",
    "phases.verify.trainer.epochs=1",
)


def config(*overrides: str) -> run.Config:
    return recipes.check(recipes.read("default", [*SMALL, *overrides]), data="digits")


class Log(run.Progress):
    def __init__(self, stop_after: str | None = None) -> None:
        self.phases: list[str] = []
        self.stop_after = stop_after

    def phase(self, name: str, number: int, total: int) -> None:
        if self.phases and self.phases[-1] == self.stop_after:
            raise KeyboardInterrupt
        self.phases.append(name)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "first"
    run.execute(config("limits.params=30000"), folder)
    return folder


@pytest.fixture(scope="module")
def result(finished: Path) -> dict:
    return json.loads((finished / "result.json").read_text())


def test_result_has_what_the_contract_names(result):
    keys = {"architecture", "valid", "test", "params", "flops", "latency_ms", "seconds", "seed", "versions", "limits"}
    assert keys <= set(result)
    assert result["params"] <= 30000
    assert 50 < result["valid"]["accuracy"] <= 100
    assert 50 < result["test"]["accuracy"] <= 100
    assert result["limits"] == {"params": 30000}


def test_the_scores_of_the_search_are_verified(finished, result):
    ranking = result["ranking"]
    numbers = [pair["number"] for pair in ranking["pairs"]]
    trials = {t.number: t for t in study.stored(finished / "study.db", "search")}
    accuracies = sorted(t.metrics["accuracy"] for t in trials.values() if t.state == "complete")
    assert [trials[n].metrics["accuracy"] for n in numbers] == [accuracies[0], accuracies[-1]]
    assert [pair["score"] for pair in ranking["pairs"]] == [accuracies[0], accuracies[-1]]
    assert (ranking["networks"], ranking["epochs"]) == (2, 1.0)
    assert abs(ranking.get("kendall", 1.0)) == 1.0
    check = result["supernet_check"]
    assert check["largest difference to an extracted network"] < 1e-4
    assert 10 < check["accuracy of the largest network, %"] <= 100
    page = (finished / "report.html").read_text()
    assert "2 candidates trained alone for 1 epochs" in page
    assert "largest difference to an extracted network" in page


def test_files_are_there(finished):
    for name in ("config.yaml", "record.json", "study.db", "result.json", "report.html", "summary.csv", "split.npz"):
        assert (finished / name).stat().st_size > 0, name
    for name in ("architecture.json", "model.safetensors", "model.py", "model.onnx", "README.md"):
        assert (finished / "best" / name).stat().st_size > 0, name


def test_onnx_alone_gives_the_printed_accuracy(finished, result):
    test = run.opened(finished).splits().test
    session = onnxruntime.InferenceSession(finished / "best" / "model.onnx", providers=["CPUExecutionProvider"])
    logits = session.run(None, {session.get_inputs()[0].name: test.x.float().numpy()})[0]
    accuracy = 100 * float(np.mean(logits.argmax(1) == test.y.numpy()))
    assert accuracy == pytest.approx(result["test"]["accuracy"], abs=1e-9)


def test_predictions_are_those_of_the_printed_accuracy(finished, result):
    table = np.loadtxt(finished / "predictions.csv", delimiter=",", skiprows=1, dtype=int)
    test = run.opened(finished).splits()
    assert table[:, 0].tolist() == test.indices["test"].tolist()
    assert table[:, 1].tolist() == test.test.y.tolist()
    assert 100 * (table[:, 1] == table[:, 2]).mean() == pytest.approx(result["test"]["accuracy"], abs=1e-9)


def test_the_report_can_be_written_again(finished, result):
    first = (finished / "summary.csv").read_text()
    assert first.count("\n") == 1 + 8
    assert first.count(",True,") >= 2  # within the limits, and the answer
    assert run.write_report(finished).stat().st_size < 300_000
    assert (finished / "summary.csv").read_text() == first


def test_model_loads_where_archwright_is_not_installed(finished):
    code = (
        "import sys; sys.modules['archwright'] = None; sys.path.insert(0, '.')\n"
        "import model, torch; print(tuple(model.load('.')(torch.zeros(2, 1, 8, 8)).shape))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=finished / "best", capture_output=True, text=True)
    assert done.stdout.strip() == "(2, 10)", done.stderr


def test_opened_run_gives_its_model(finished, result):
    done = run.opened(finished)
    test = done.splits().test
    with torch.inference_mode():
        answers = done.model()(test.x.float()).argmax(1)
    accuracy = 100 * (answers == test.y).double().mean().item()
    assert accuracy == pytest.approx(result["test"]["accuracy"], abs=0.3)


def test_a_finished_run_is_not_repeated(finished, result):
    log = Log()
    assert run.execute(config("limits.params=30000"), finished, progress=log) == result
    assert log.phases == []


def test_another_configuration_is_refused(finished):
    with pytest.raises(UserError, match="another configuration"):
        run.execute(config("limits.params=30000", "seed=1"), finished)


@pytest.mark.parametrize("phase", ["train-supernet", "search", "choose", "train"])
def test_an_interrupted_run_continues_to_the_same_answer(tmp_path, finished, result, phase):
    with pytest.raises(KeyboardInterrupt):
        run.execute(config("limits.params=30000"), tmp_path, progress=Log(stop_after=phase))
    again = run.execute(config("limits.params=30000"), tmp_path)
    for key in ("architecture", "valid", "test", "params", "flops"):
        assert again[key] == result[key], key


def test_impossible_limit_names_the_nearest(tmp_path):
    with pytest.raises(Infeasible, match=r"nearest.*params [\d,]+ > 100"):
        run.execute(config("limits.params=100"), tmp_path)


def test_a_limit_that_few_networks_meet_is_met_with_few_trials(tmp_path):
    """The smallest network has 1442 parameters; random candidates hardly ever are within three of it."""
    result = run.execute(config("limits.params=1445", "phases.search.trials=2"), tmp_path)
    assert result["params"] <= 1445


def test_two_processes_do_not_share_a_folder(tmp_path):
    pytest.importorskip("fcntl")
    from archwright.run._folder import Folder

    with Folder(tmp_path).owned(), pytest.raises(UserError, match="another process"):
        run.execute(config(), tmp_path)


def test_opened_refuses_what_is_no_run(tmp_path):
    with pytest.raises(UserError, match="not the folder of a run"):
        run.opened(tmp_path)
