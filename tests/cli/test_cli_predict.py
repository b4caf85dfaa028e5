"""`predict`: images, arrays and rows in, classes and probabilities out."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from archwright.cli import main
from archwright.data import TableEncoder


def _values(*means, shape=(1, 8, 8)):
    return np.stack([np.full(shape, mean, np.float32) for mean in means])


def _predicted(capsys, *words):
    assert main(["predict", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def npz(tmp_path):
    def write(x, name="x"):
        file = tmp_path / "in.npz"
        np.savez(file, **{name: x})
        return file

    return write


def test_arrays_have_the_answers_of_the_formula(run_folder, npz, capsys):
    rows = _predicted(capsys, run_folder, npz(_values(0, 1, 2)))
    assert [row["class"] for row in rows] == ["none", "one", "two"]
    logits = np.array([0.0, 4 - 2, 8 - 8])  # mean 1: weights 0, 4, 8 and the biases
    expected = np.exp(logits) / np.exp(logits).sum()
    assert rows[1]["probabilities"] == pytest.approx(dict(zip(("none", "one", "two"), expected)), rel=1e-5)
    assert rows[1]["probability"] == pytest.approx(expected[1], rel=1e-5)


def test_table_for_people(run_folder, npz, capsys):
    assert main(["predict", str(run_folder), str(npz(_values(2)))]) == 0
    assert capsys.readouterr().out.splitlines() == ["input  class  probability", "0      two    0.8805"]


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 8, 8, 1), (5, 1, 8, 8), (8, 8), (1, 8, 8)])
def test_usual_layouts_are_understood(run_folder, npz, capsys, shape):
    rows = _predicted(capsys, run_folder, npz(np.full(shape, 1, np.uint8)))
    assert len(rows) == (5 if shape[0] == 5 else 1)
    assert {row["class"] for row in rows} == {"one"}


def test_without_onnx_the_python_file_answers_the_same(run_folder, npz, capsys, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run_folder, copy)
    (copy / "best" / "model.onnx").unlink()
    file = npz(_values(0.3, 1.7))
    ours, theirs = _predicted(capsys, copy, file), _predicted(capsys, run_folder / "best", file)
    for a, b in zip(ours, theirs):
        assert a["probabilities"] == pytest.approx(b["probabilities"], abs=1e-6)


def test_image_is_resized_as_in_training(run_folder, tmp_path, capsys):
    Image.fromarray(np.full((32, 48, 3), 2, np.uint8)).save(tmp_path / "two.png")
    assert _predicted(capsys, run_folder, tmp_path / "two.png")[0]["class"] == "two"


def test_folder_of_images_is_named_by_its_files(run_folder, tmp_path, capsys):
    (tmp_path / "below").mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "b.png")
    Image.fromarray(np.ones((8, 8), np.uint8)).save(tmp_path / "below" / "a.png")
    (tmp_path / "notes.txt").write_text("not an image")
    rows = _predicted(capsys, run_folder, tmp_path)
    assert [(row["input"], row["class"]) for row in rows] == [("b.png", "none"), ("below/a.png", "one")]


def test_images_are_scaled_to_the_range_the_network_knows(run_folder, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(run_folder, copy)
    description = copy / "best" / "architecture.json"
    description.write_text(json.dumps(json.loads(description.read_text()) | {"input_range": [0, 2]}))
    Image.fromarray(np.full((8, 8), 255, np.uint8)).save(tmp_path / "white.png")
    assert _predicted(capsys, copy, tmp_path / "white.png")[0]["probabilities"]["two"] == pytest.approx(
        0.8805, abs=1e-4
    )


def test_rows_of_numbers(table_folder, tmp_path, capsys):
    pd.DataFrame({"a": [1.0, 5.0], "b": [2.0, 3.0]}).to_csv(tmp_path / "rows.csv", index=False)
    assert [row["class"] for row in _predicted(capsys, table_folder, tmp_path / "rows.csv")] == ["second", "first"]


def test_stored_encoder_picks_columns_by_name(table_folder, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(table_folder, copy)
    encoder = TableEncoder.fit(pd.DataFrame({"a": [1.0, 5.0], "b": [2.0, 3.0]}))
    (copy / "best" / "columns.json").write_text(encoder.to_json())
    pd.DataFrame({"b": [2.0], "id": [7], "a": [9.0]}).to_csv(tmp_path / "rows.csv", index=False, sep=";")
    assert _predicted(capsys, copy, tmp_path / "rows.csv")[0]["class"] == "first"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: np.savez(p / "in.npz", x=np.ones((5, 9, 9))), "has shape (5, 9, 9), but the network takes (N, "),
        (lambda p: np.savez(p / "in.npz", images=np.zeros(1)), "has no array 'x'; it has images"),
        (lambda p: np.savez(p / "in.npz", x=np.array(["a"])), "must hold numbers"),
        (lambda p: (p / "in.npz").write_text("no"), "cannot be read"),
        (lambda p: None, "no file or folder"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit(run_folder, tmp_path, capsys, make, message):
    make(tmp_path)
    assert main(["predict", str(run_folder), str(tmp_path / "in.npz")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_other_inputs_that_do_not_fit(run_folder, table_folder, tmp_path, capsys):
    def error(*words):
        assert main(["predict", *map(str, words)]) == 2
        return capsys.readouterr().err

    (tmp_path / "text.txt").write_text("x")
    (tmp_path / "broken.png").write_text("x")
    (tmp_path / "rows.csv").write_text("a,b,c\n1,2,3\n")
    (tmp_path / "empty").mkdir()
    assert "of no known kind" in error(run_folder, tmp_path / "text.txt")
    assert "cannot be read" in error(run_folder, tmp_path / "broken.png")
    assert "not rows of a table" in error(run_folder, tmp_path / "rows.csv")
    assert "3 columns of numbers, but the network takes (N, 2)" in error(table_folder, tmp_path / "rows.csv")
    assert "not images" in error(table_folder, tmp_path / "broken.png")
    assert "no image in" in error(run_folder, tmp_path / "empty")
    assert "nothing was exported there yet" in error(tmp_path, tmp_path / "rows.csv")
