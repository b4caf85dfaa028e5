"""Every example runs, at smoke size, and leaves what it promises."""

import importlib
import json
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch, tmp_path):
    """Imports an example by name, as the scripts beside it would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    loaded = []

    def load(name):
        loaded.append(name)
        return importlib.import_module(name)

    yield load
    for name in loaded:
        del sys.modules[name]


def test_own_network_is_searched_within_its_limit(example):
    trainers = [f"phases.{name}.trainer" for name in ("train-supernet", "train")]
    small = [change for path in trainers for change in (f"{path}.epochs=2", f"{path}.warmup=0")]
    small += ["phases.verify.networks=2", "phases.verify.trainer.epochs=1"]
    example("own_network").main("run", "phases.search.trials=6", *small)
    result = json.loads(Path("run/result.json").read_text())
    assert result["params"] <= 8000
    assert set(result["architecture"]) == {"width", "kernel", "depth"}


def test_own_dataset_ends_as_files(example, capsys):
    example("own_dataset").main("out", epochs=2, trials=6)
    assert {"model.onnx", "model.py", "model.safetensors"} <= {file.name for file in Path("out").iterdir()}
    assert "accuracy" in capsys.readouterr().out


def test_own_training_continues(example, capsys):
    module = example("own_training")
    module.main(trials=4)
    capsys.readouterr()
    module.main(trials=6)
    assert "parameters: {" in capsys.readouterr().out


def test_every_example_is_tested():
    assert {file.stem for file in EXAMPLES.glob("*.py")} == {"own_network", "own_dataset", "own_training"}
