"""Phase `compress`: members beside the answer."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from archwright import recipes, run
from archwright.errors import UserError
from archwright.run._compress import _free

RECIPE = """
recipe: small
about: Train, export, compress.
space: {mlp: {}}
objectives: [accuracy]
phases:
  - search:
      strategy: {random: {}}
      estimator: {train: {trainer: {epochs: 1, batch_size: 128}}}
      trials: 2
      baseline: false
  - choose: {}
  - train: {start: fresh, refit: false, trainer: {epochs: 6, batch_size: 64, lr: 0.1}}
  - export: {}
  - compress: {quantize: {method: minmax, bits: 8, samples: 200}}
  - compress: {prune: {method: magnitude, sparsity: 0.6}, quantize: {method: mse, bits: 4, samples: 200}}
  - report: {}
"""


def config(**changes: Any) -> run.Config:
    return recipes.check({**yaml.safe_load(RECIPE), **changes}, data="digits")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "small"
    run.execute(config(), folder)
    return folder


def test_every_step_is_a_member_with_files(finished: Path) -> None:
    members = json.loads((finished / "result.json").read_text())["compressed"]
    names = [m["name"] for m in members]
    assert names == ["dense", "minmax-w8a8", "magnitude-60", "magnitude-60-mse-w4a4"]
    dense, eight, sparse, both = members
    assert abs(eight["test_accuracy"] - dense["test_accuracy"]) < 1.5
    assert eight["size"] < 0.7 * dense["size"], "a small network, so names and scales count"
    assert both["size"] < eight["size"]
    assert sparse["sparsity"] == pytest.approx(0.6, abs=0.01)
    assert sum(layer["sparsity"] * layer["weights"] for layer in both["layers"]) > 0.59 * sum(
        layer["weights"] for layer in both["layers"]
    ), "masks survive quantisation"
    assert {"model.packed.safetensors", "model.pt2", "model.int8.onnx"} <= set(os.listdir(eight["folder"]))
    assert {"model.onnx", "model.py", "model.safetensors"} <= set(os.listdir(sparse["folder"]))


def test_the_answer_stays_and_the_report_shows_both(finished: Path) -> None:
    result = json.loads((finished / "result.json").read_text())
    assert result["test"]["accuracy"] == pytest.approx(result["compressed"][0]["test_accuracy"], abs=0.3)
    page = (finished / "report.html").read_text()
    assert "The answer compressed" in page
    assert "magnitude-60-mse-w4a4" in page
    assert "4 bits (4)" in page


def test_a_finished_member_is_not_made_again(finished: Path) -> None:
    before = (finished / "compressed" / "minmax-w8a8" / "facts.json").read_text()
    (finished / "result.json").unlink()
    result = run.execute(config(), finished)
    assert json.loads(before) == result["compressed"][1]
    assert len(result["compressed"]) == 4


def test_equal_names_are_numbered() -> None:
    members = [{"name": "dense"}, {"name": "magnitude-90"}, {"name": "magnitude-90-2"}]
    assert [_free(members[:n], "magnitude-90") for n in (1, 2, 3)] == [
        "magnitude-90",
        "magnitude-90-2",
        "magnitude-90-3",
    ]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "compress needs prune, quantize or both"),
        ({"quantize": {"bits": 4, "size": 0.1}}, "size 0.1 cannot be reached: layers of at least 4 bits take 0.125 or"),
        ({"quantize": {"bits": 4, "bitops": 0.01}}, "bitops 0.01 cannot be reached"),
        ({"quantize": {"latency": 1.0}}, "needs latency, in ms, and latencies, a file of JSON"),
        ({"quantize": {"bits": 1}}, "bits must be from 2 to 16, got 1"),
        ({"quantize": {"method": "adaqant"}}, "did you mean 'adaquant'"),
        ({"quantize": {"size": 0}}, "size must be in"),
        ({"quantize": {"samples": 1}}, "samples must be at least 2"),
        ({"prune": {"sparsity": 1.0}}, r"sparsity must be in \[0, 1\)"),
        ({"prune": {"method": "magic"}}, "unknown method 'magic'"),
        ({"prune": {"distil": True}}, "distil is of training, and magnitude trains only with a trainer"),
    ],
)
def test_wrong_settings_are_known_before_a_run(settings: dict[str, Any], said: str) -> None:
    def built() -> None:
        for part in config(phases=[{"compress": settings}]).phases:
            part.build(run.PHASES)

    with pytest.raises(UserError, match=said):
        built()
