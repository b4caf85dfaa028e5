"""`deploy-check`: a written network on its runtime."""

import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from archwright import data, export
from archwright.cli import main
from archwright.compress import Quantization, quantize


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Looks like a finished run with one compressed network."""
    folder = tmp_path_factory.mktemp("deploy")
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
    ).eval()  # fmt: skip
    export.save(net, folder / "best", example=(1, 1, 8, 8), architecture={}, input_range=(0, 16))
    x = 16 * torch.rand(32, 1, 8, 8)
    graph = quantize(net, x, bits=8, method=Quantization(ranges="mse", symmetric=True))
    export.save_quantised(graph, folder / "compressed" / "w8a8", calibration=x)
    return folder


def checked(capsys, *words):
    code = main(["deploy-check", *map(str, words), "--repeats", "3", "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_run_with_its_compressed_networks(run, capsys):
    code, found = checked(capsys, run)
    assert (code, found["failures"]) == (0, [])
    assert "from 0 to 16" in found["inputs"]
    assert [(f["kind"], f["file"].removeprefix(f"{run}/")) for f in found["files"]] == [
        ("float", "best/model.onnx"),
        ("int8", "compressed/w8a8/model.int8.onnx"),
        ("program", "compressed/w8a8/model.pt2"),
    ]
    original, int8, program = found["files"]
    assert original["agreement"]["max_abs"] < 1e-4
    assert original["latency_ms"] > 0
    assert (original["speed_up"], original["float_size"]) == (None, None)
    assert int8["agreement"]["argmax_agreement"] == 1.0
    assert int8["float_size"] == original["size"] == (run / "best" / "model.onnx").stat().st_size
    assert int8["speed_up"] == pytest.approx(int8["float_ms"] / int8["latency_ms"], rel=0.9)
    assert int8["operators"]["counts"]["QLinearConv"] == 2
    assert int8["operators"]["unfused"] == []
    assert int8["asymmetric"] == 0
    assert program["float_agreement"]["argmax_agreement"] > 0.9
    assert (program["latency_ms"], program["operators"]) == (None, None)


def test_for_people(run, capsys):
    assert main(["deploy-check", str(run), "--repeats", "3"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0].split() == [
        "file", "kind", "bytes", "of", "float", "ms", "speed-up", "max", "diff", "dB", "same", "answer", "as", "float",
    ]  # fmt: skip
    assert "compared on 64 random inputs" in said
    assert "compressed/w8a8/model.int8.onnx: QGemm 1, QLinearConv 2" in said
    assert said.splitlines()[-1] == "all checks passed"


def test_weights_with_zero_points_are_named(tmp_path, capsys):
    torch.manual_seed(0)
    x = torch.rand(32, 1, 8, 8)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 3)).eval()
    graph = quantize(net, x, method=Quantization(symmetric=False))
    export.save_int8(graph, tmp_path / "a.onnx", calibration=x)
    code, found = checked(capsys, tmp_path / "a.onnx")
    assert (code, found["files"][0]["asymmetric"]) == (0, 2)
    assert found["files"][0]["agreement"] is None  # nothing to hold it against
    assert main(["deploy-check", str(tmp_path / "a.onnx"), "--repeats", "3"]) == 0
    assert "2 layers have uint8 weights with zero points" in capsys.readouterr().out


def test_one_file_with_its_own_samples(run, capsys, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "x.npz", x=rng.random((10, 1, 8, 8), dtype=np.float32) * 16)
    file = run / "compressed" / "w8a8" / "model.int8.onnx"
    code, found = checked(capsys, file, "--data", tmp_path / "x.npz")
    (one,) = found["files"]
    assert (code, found["samples"]) == (0, 10)
    assert one["accuracy"] is None
    assert one["float_size"] is not None  # the run's own float file is found
    code, found = checked(capsys, file, "--data", "digits", "--samples", 20, "--against", run / "best" / "model.onnx")
    (one,) = found["files"]
    assert found["inputs"] == "test samples of digits"
    assert one["agreement"]["samples"] == 20
    part = data.load("digits").test
    for name, written in (("accuracy", file), ("float_accuracy", run / "best" / "model.onnx")):
        session = onnxruntime.InferenceSession(written)
        answers = session.run(None, {session.get_inputs()[0].name: part.x[:20].float().numpy()})[0].argmax(1)
        assert one[name] == pytest.approx(100 * float((answers == part.y[:20].numpy()).mean()))


def test_a_file_with_other_weights_fails(run, capsys, tmp_path):
    folder = tmp_path / "a"
    shutil.copytree(run / "compressed" / "w8a8", folder)
    model = onnx.load(folder / "model.int8.onnx")
    weights = next(t for t in model.graph.initializer if len(t.dims) == 2)
    codes = numpy_helper.to_array(weights)
    weights.CopyFrom(numpy_helper.from_array(-codes, weights.name))
    onnx.save(model, folder / "model.int8.onnx")
    code, found = checked(capsys, folder)
    assert code == 1
    assert "model.int8.onnx: model.int8.onnx disagrees with the network" in found["failures"][0]
    assert main(["deploy-check", str(folder), "--repeats", "3"]) == 1
    assert "failed: model.int8.onnx" in capsys.readouterr().out.splitlines()[-1]


def test_layers_that_fall_out_of_the_integers_fail(run, capsys, tmp_path):
    """The quantisers behind the first convolution are cut out: the file gives nearly the same, slower."""
    folder = tmp_path / "a"
    shutil.copytree(run / "compressed" / "w8a8", folder)
    model = onnx.load(folder / "model.int8.onnx")
    nodes = list(model.graph.node)
    first = next(node for node in nodes if node.op_type == "Conv")
    quantise = next(node for node in nodes if node.op_type == "QuantizeLinear" and first.output[0] in node.input)
    dequantise = next(node for node in nodes if quantise.output[0] in node.input)
    relu = onnx.helper.make_node("Relu", [first.output[0]], [dequantise.output[0]])
    nodes[nodes.index(quantise)] = relu
    nodes.remove(dequantise)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, folder / "model.int8.onnx")
    code, found = checked(capsys, folder)
    assert code == 1
    assert any("layers with integer weights run in floats" in sentence for sentence in found["failures"])


def test_not_finite_outputs_fail(run, capsys, tmp_path):
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    with torch.no_grad():
        net[1].bias[0] = float("nan")
    file = export.to_onnx(net, (1, 1, 8, 8), tmp_path / "a.onnx")
    code, found = checked(capsys, file)
    assert (code, found["failures"]) == (1, ["a.onnx: outputs are not finite"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("gone", "no file or folder 'gone'"),
        ("{tmp}", "nothing to check in"),
        ("{tmp}/a.txt", "is of no known kind; give a run folder, an .onnx file or a .pt2 program"),
        ("{tmp}/no.onnx", "cannot be read as ONNX"),
        ("{tmp}/no.pt2", "no.pt2 is not a readable torch.export program: File is not a zip file"),
        ("{run}/best/model.onnx --against gone.onnx", "no file 'gone.onnx'"),
        ("{run}/best/model.onnx --against {tmp}/no.onnx", "no.onnx cannot be read"),
        ("{run}/best/model.onnx --data {tmp}/x.npz", "does not take inputs of shape (4,)"),
        ("{run}/best/model.onnx --data digit", "digit"),
        ("{run}/best/model.onnx --samples 0", "expected a whole number of at least 1"),
    ],
)
def test_mistakes(words, message, run, tmp_path, capsys):
    for name in ("a.txt", "no.onnx", "no.pt2"):
        (tmp_path / name).write_text("no")
    np.savez(tmp_path / "x.npz", x=np.zeros((3, 4)))
    assert main(["deploy-check", *words.format(tmp=tmp_path, run=run).split()]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1
