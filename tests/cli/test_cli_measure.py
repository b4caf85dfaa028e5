"""`measure`: a latency with its protocol."""

import json

import pytest

from archwright import cost
from archwright.cli import _measure, main


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_run_folder(run_folder, capsys, runtime):
    assert main(["measure", str(run_folder), "--runtime", runtime, "--repeats", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runtime"] == runtime
    assert (found["threads"], found["batch"], found["dtype"]) == (1, 1, "float32")
    assert 0 < found["p10_ms"] <= found["median_ms"] <= found["p90_ms"]
    assert found["repeats"] <= 5


def test_onnx_file_for_people(run_folder, capsys):
    file = run_folder / "best" / "model.onnx"
    assert main(["measure", str(file), "--repeats", "5"]) == 0
    said = capsys.readouterr().out
    assert f"samples of {file}" in said.splitlines()[0]
    assert all(word in said for word in ("device", "runtime", "threads", "warmup", "p90_ms", "date"))


@pytest.mark.parametrize("for_machines", [False, True])
def test_table_of_a_space(tmp_path, capsys, monkeypatch, for_machines):
    monkeypatch.setattr(_measure, "_NETWORKS", 3)
    file = tmp_path / "here.json"
    words = [
        "measure",
        "--space",
        "mlp",
        "--data",
        "digits",
        "--table",
        str(file),
        "--runtime",
        "torch",
        "--repeats",
        "2",
    ]
    assert main([*words, "--json"] if for_machines else words) == 0
    said = capsys.readouterr().out
    table = cost.LatencyTable.load(file)
    assert (table.protocol.runtime, table.protocol.repeats, table.fit.networks) == ("torch", 2, 3)
    if for_machines:
        assert json.loads(said)["fit"]["networks"] == 3
    else:
        assert f"{len(table.entries)} operations of mlp for digits in torch" in said
        assert said.splitlines()[-1] == f"table: {file}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "measure what?"),
        ("none.onnx", "no file 'none.onnx'"),
        ("none", "no network in none: no such folder"),
        ("x.onnx --runtime torch", "--runtime torch takes a run folder"),
        ("--space convnet", "a table of a space takes --space, --data and --table"),
        ("run --space convnet --data digits --table x", "and no MODEL"),
        ("--space convne --data digits --table x", "unknown space 'convne'; did you mean 'convnet' or 'conv-macro'?"),
        ("run --runtime tvm", "unknown --runtime 'tvm'"),
    ],
)
def test_mistakes(words, message, capsys):
    assert main(["measure", *words.split()]) == 2
    assert message in capsys.readouterr().err


def test_not_an_onnx_file(tmp_path, capsys):
    (tmp_path / "a.onnx").write_text("no")
    assert main(["measure", str(tmp_path / "a.onnx")]) == 2
    assert "cannot be read as ONNX" in capsys.readouterr().err
