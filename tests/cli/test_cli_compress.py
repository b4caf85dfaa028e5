"""`archwright quantize` and `archwright prune` on networks of runs and of one's own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from archwright import compress, data
from archwright.cli import main
from archwright.cli._prune import _METHODS as PRUNERS
from archwright.cli._quantize import _METHODS as QUANTIZERS

NETWORK = """
from torch import nn

def net(in_channels, classes, image_size):
    return nn.Sequential(
        nn.Conv2d(in_channels, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Conv2d(12, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, classes),
    )

def few(in_channels, classes, image_size):
    return net(in_channels, 3, image_size)

class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = net(1, 10, 8)

    def forward(self, x):
        return self.net(x), self.net(x)

def broken(in_channels, classes, image_size):
    raise RuntimeError("no such thing")

def wrong(in_channels, classes, image_size):
    return nn.Linear(3, classes)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `own_net.py` and trained weights in several forms."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_net.py").write_text(NETWORK)
    names: dict[str, object] = {}
    exec(compile(NETWORK, "own_net.py", "exec"), names)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = names["net"](1, 10, 8)
        splits = data.load("digits", seed=0)
        optimizer = torch.optim.Adam(network.parameters(), 0.02)
        for epoch in range(12):
            for x, y in splits.train.batches(64, shuffle=True, seed=0, epoch=epoch):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(network(x), y).backward()
                optimizer.step()
    network.eval()
    save_file(network.state_dict(), folder / "net.safetensors")
    torch.save({"network": network.state_dict(), "hook": print}, folder / "strange.pt")
    program = torch.export.export(network, (x[:2],), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.export.save(program, folder / "net.pt2")
    return folder


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    return place


def test_methods_on_the_help_page_are_those_of_the_library() -> None:
    assert list(QUANTIZERS) == list(compress.METHODS)
    assert list(PRUNERS) == list(compress.PRUNERS)


@pytest.mark.parametrize("model", [["own_net:net", "--weights", "net.safetensors"], ["net.pt2"]])
def test_quantize_a_network_of_ones_own(model, here, capsys, tmp_path) -> None:
    words = ["quantize", *model, "--calib", "digits", "--bits", "6", "--method", "minmax", "--samples", "200"]
    assert main([*words, "--out", str(tmp_path / "q"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["dense"]["test_accuracy"] > 93
    assert abs(facts["test_accuracy"] - facts["dense"]["test_accuracy"]) < 2
    assert [layer["bits"] for layer in facts["layers"]] == [8, 6, 8]
    assert facts["size"] < facts["dense"]["size"]
    assert abs(facts["int8"]["accuracy"] - facts["test_accuracy"]) < 1.5
    assert {"model.packed.safetensors", "model.pt2", "model.int8.onnx", "report.html", "facts.json"} <= set(
        os.listdir(tmp_path / "q")
    )
    page = (tmp_path / "q" / "report.html").read_text()
    assert "6 bits (6)" in page


def test_deploy_check_needs_nothing_but_the_folder(here, capsys, tmp_path) -> None:
    """Float ONNX beside the int8 file, and the samples and labels of `--calib`, be they a file."""
    splits = data.load("digits", seed=0)
    np.savez(tmp_path / "own.npz", x=splits.test.x.numpy(), y=splits.test.y.numpy())
    words = ["own_net:net", "--weights", "net.safetensors", "--mean", "0.3", "--std", "0.4", "--samples", "60"]
    words += ["--calib", str(tmp_path / "own.npz"), "--method", "minmax", "--seed", "3"]
    assert main(["quantize", *words, "--out", str(tmp_path / "q"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    main(["deploy-check", str(tmp_path / "q"), "--repeats", "3", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["inputs"] == "test samples of own"
    assert [Path(f["file"]).name for f in found["files"]] == ["model.onnx", "model.int8.onnx", "model.pt2"]
    original, int8, program = found["files"]
    assert original["accuracy"] == pytest.approx(facts["dense"]["test_accuracy"])
    assert int8["accuracy"] == pytest.approx(facts["int8"]["accuracy"])
    assert int8["float_accuracy"] == program["float_accuracy"] == original["accuracy"]
    assert int8["float_size"] == original["size"] == facts["dense"]["onnx_size"]
    assert int8["float_ms"] > 0
    assert int8["speed_up"] > 0
    (tmp_path / "own.npz").unlink()
    main(["deploy-check", str(tmp_path / "q"), "--repeats", "3", "--json"])
    assert json.loads(capsys.readouterr().out)["inputs"].startswith("random inputs")


def test_quantize_to_limits_of_a_device(here, capsys, tmp_path) -> None:
    words = ["quantize", "own_net:net", "--weights", "net.safetensors", "--calib", "digits", "--method", "minmax"]
    words += ["--bits", "2", "--ends", "same"]
    assert main([*words, "--bitops", "0.03", "--out", str(tmp_path / "q"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bitops"] <= 0.03
    names = [layer["name"] for layer in json.loads((tmp_path / "q/facts.json").read_text())["layers"]]
    (tmp_path / "ms.json").write_text(json.dumps({name: {8: 2.0, 4: 1.0} for name in names}))
    table = ["--latencies", str(tmp_path / "ms.json")]
    assert main([*words, "--latency", "4", *table, "--out", str(tmp_path / "r"), "--json"]) == 0
    assert sorted(layer["bits"] for layer in json.loads(capsys.readouterr().out)["layers"]) == [4, 4, 8]
    assert main([*words, "--latency", "2", *table, "--out", str(tmp_path / "s")]) == 2
    assert "latency 2 cannot be reached: the smallest reachable is 3" in capsys.readouterr().err
    (tmp_path / "ms.json").write_text("[1]")
    assert main([*words, "--latency", "4", *table, "--out", str(tmp_path / "s")]) == 2
    assert "ms.json is no table of latencies, {layer: {bits: ms}}" in capsys.readouterr().err
    assert main([*words, "--latency", "4", "--out", str(tmp_path / "s")]) == 2
    assert "needs latency, in ms, and latencies, a file of JSON" in capsys.readouterr().err


def test_quantize_to_a_size(here, capsys, tmp_path) -> None:
    words = ["quantize", "net.pt2", "--calib", "digits", "--method", "light", "--samples", "200"]
    assert main([*words, "--bits", "2", "--size", "0.18", "--out", str(tmp_path / "q"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["weights"] <= 0.18
    assert main([*words, "--bits", "2", "--size", "0.01", "--out", str(tmp_path / "r")]) == 2
    said = capsys.readouterr().err
    assert "smallest" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "r").exists()


def test_prune_a_network_of_ones_own(here, capsys, tmp_path) -> None:
    words = ["prune", "own_net:net", "--weights", "net.safetensors", "--data", "digits", "--sparsity", "0.7"]
    assert main([*words, "--epochs", "3", "--keep-classifier", "--out", str(tmp_path / "p")]) == 0
    said = capsys.readouterr().out
    assert "magnitude-70" in said
    facts = json.loads((tmp_path / "p" / "facts.json").read_text())
    zeros = {layer["name"]: layer["sparsity"] for layer in facts["layers"]}
    assert zeros["8"] == 0
    assert sum(zeros.values()) > 0.5
    assert facts["test_accuracy"] > 80
    assert (tmp_path / "p" / "model.onnx").is_file()


def test_structured_pruning_makes_the_network_smaller(here, capsys, tmp_path) -> None:
    words = ["prune", "own_net:net", "--weights", "net.safetensors", "--data", "digits", "--sparsity", "0.5"]
    assert main([*words, "--method", "structured", "--epochs", "3", "--out", str(tmp_path / "p"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["params"] < 0.5 * facts["dense"]["params"]
    assert facts["flops"] < 0.6 * facts["dense"]["flops"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["quantize", "own_net:net"], "needs data"),
        (["quantize", "own_net:nothing", "--calib", "digits"], "cannot import"),
        (["quantize", "own_net:wrong", "--calib", "digits"], "cannot take samples of shape (1, 8, 8)"),
        (["quantize", "own_net:few", "--calib", "digits"], "a network gives (N, 10), got shape (2, 3)"),
        (["prune", "own_net:Heads", "--data", "digits", "--sparsity", "0.5"], "gives (N, 10), got a tuple"),
        (["quantize", "own_net:broken", "--calib", "digits"], "own_net:broken raised RuntimeError: no such thing"),
        (["quantize", "net.pt2", "--calib", "digits", "--bits", "1"], "bits must be from 2 to 16, got 1"),
        (["quantize", "net.pt2", "--calib", "digits", "--method", "adaqant"], "did you mean 'adaquant'"),
        (["quantize", "net.pt2", "--calib", "digits", "--mean", "0.5"], "--mean and --std go together"),
        (["quantize", "net.pt2", "--calib", "digits", "--mean", "1,2", "--std", "1,2"], "need 1 values each"),
        (["quantize", "net.pt2", "--calib", "digits", "--weights", "net.safetensors"], "a file has its own"),
        (["quantize", "gone.pt2", "--calib", "digits"], "no file"),
        (["quantize", "strange.pt", "--calib", "digits"], "--trust"),
        (["quantize", "own_net:net", "--weights", "strange.pt", "--calib", "digits"], "--trust"),
        (["quantize", "nowhere", "--calib", "digits"], "no network in nowhere"),
        (["prune", "net.pt2", "--data", "digits", "--sparsity", "1.2"], "sparsity must be in [0, 1), got 1.2"),
        (["prune", "net.pt2", "--data", "digits", "--sparsity", "0.5", "--method", "magnitud"], "did you mean"),
        (["prune", "net.pt2", "--data", "digits"], "--sparsity"),
        (["prune", "net.pt2", "--data", "digits", "--sparsity", "0.5", "--out", "own_net.py"], "is a file"),
    ],
)
def test_wrong_input_is_one_line(words, said, here, capsys) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_damaged_networks_are_refused(here, capsys, tmp_path) -> None:
    state = {k: v.clone() for k, v in torch.load("strange.pt", weights_only=False)["network"].items()}
    state["0.weight"][0] = float("nan")
    save_file(state, tmp_path / "nan.safetensors")
    words = ["own_net:net", "--weights", str(tmp_path / "nan.safetensors")]
    assert main(["quantize", *words, "--calib", "digits"]) == 2
    assert "not finite" in capsys.readouterr().err


def test_options_of_own_networks_are_refused_for_runs(run_folder, capsys) -> None:
    for option in (["--raw"], ["--mean", "0.5", "--std", "0.5"], ["--weights", "a.npz"]):
        assert main(["quantize", str(run_folder), "--calib", "digits", *option]) == 2
        assert "for networks of your own" in capsys.readouterr().err
