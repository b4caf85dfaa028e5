"""The cells that a search has chosen, trained and exported at the size of an evaluation network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from archwright import cost, recipes, run, zoo
from archwright.errors import UserError
from archwright.run import opened

SMALL = ("phases.search-by-gradient.trainer.epochs=1", "phases.search-by-gradient.trainer.batch_size=256")
TRAIN = ("phases.train.trainer.epochs=1", "phases.train.evaluation.channels=6", "phases.train.evaluation.layers=4")


def test_a_recipe_trains_the_evaluation_network(tmp_path: Path) -> None:
    overrides = [*SMALL, *TRAIN, "space.darts.channels=4", "space.darts.layers=3"]
    config = recipes.check(recipes.read("darts", overrides), data="digits")
    run.execute(config, tmp_path / "run")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    arch = result["architecture"]
    expected = zoo.darts_evaluation(arch, channels=6, layers=4, in_channels=1, image_size=8, auxiliary=False)
    assert result["params"] == cost.params(expected)
    assert result["agreement"]["onnx"]["max_abs"] < 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "run" / "best" / "model.onnx")
    x = opened(tmp_path / "run").splits().test.x.float().numpy()
    once, again = (session.run(None, {session.get_inputs()[0].name: x}) for _ in range(2))
    assert len(once) == 1
    assert np.array_equal(once[0], again[0])


def test_other_spaces_have_no_evaluation_networks(tmp_path: Path) -> None:
    overrides = [*TRAIN, "phases.search.trials=2"]
    config = recipes.check(recipes.read("naswot", overrides), data="digits")
    with pytest.raises(UserError, match="for the space 'darts', not for"):
        run.execute(config, tmp_path / "run")
