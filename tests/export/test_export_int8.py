"""int8 ONNX: integers to the last code, fused where it matters, close to the simulated network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright import bench, data
from archwright.compress import Affine, Quantised, Quantization, Stored, quantised_layers, quantize
from archwright.errors import ArchwrightError, UserError
from archwright.export import QuantisedFiles, _int8, operators, save_int8, save_quantised, to_onnx
from archwright.export._int4 import four_bits
from archwright.export._qdq import integer_weights

SYMMETRIC, ASYMMETRIC = (Quantization(ranges="mse", symmetric=symmetric) for symmetric in (True, False))


class Small(nn.Module):
    """A residual network with a shortcut that is cut and padded, as in CIFAR's ResNets."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.a, self.b = nn.Conv2d(channels, channels, 3, padding=1), nn.Conv2d(channels, channels, 3, padding=1)
        self.c, self.d = nn.Conv2d(channels, 2 * channels, 3, 2, 1), nn.Conv2d(2 * channels, 2 * channels, 3, padding=1)
        self.head = nn.Linear(2 * channels, 10)
        self.pad = channels // 2

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        x = F.relu(x + self.b(F.relu(self.a(x))))
        short = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        x = F.relu(short + self.d(F.relu(self.c(x))))
        return self.head(x.mean((2, 3)))


Digits = tuple[nn.Module, Tensor, Tensor, Tensor]


@pytest.fixture(scope="module")
def digits() -> Digits:
    """A trained `Small`, calibration images, test images and their classes."""
    splits = data.load("digits", seed=0)
    x, y = next(iter(splits.train.batches(len(splits.train))))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Small()
        optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
        for _ in range(15):
            for part in torch.randperm(len(x)).split(64):
                optimiser.zero_grad()
                F.cross_entropy(net(x[part]), y[part]).backward()
                optimiser.step()
    test_x, test_y = next(iter(splits.test.batches(len(splits.test))))
    return net.eval(), x[:100], test_x, test_y


@pytest.fixture(scope="module")
def files(digits: Digits, tmp_path_factory: pytest.TempPathFactory) -> QuantisedFiles:
    net, calibration, x, _ = digits
    folder = tmp_path_factory.mktemp("files") / "new" / "a"
    graph = quantize(net, calibration, method=SYMMETRIC)
    return save_quantised(graph, folder, calibration=calibration, check_x=x, classes=("a", "b"))


def run(path: Path, x: Tensor, *, optimised: bool = True) -> Tensor:
    options = onnxruntime.SessionOptions()
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"input": x.numpy()})[0])


def decibels(wanted: Tensor, found: Tensor) -> float:
    return 10 * float(torch.log10(wanted.square().sum() / (wanted - found).square().sum()))


@pytest.mark.parametrize("method", [SYMMETRIC, ASYMMETRIC], ids=["int8", "uint8 with zero points"])
def test_one_convolution_is_exact(tmp_path: Path, method: Quantization) -> None:
    """Integers by hand in float64 against ONNX Runtime: every code of the output."""
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Conv2d(8, 4, 3)).eval(), torch.rand(16, 8, 10, 10) * 3 - 1
    with torch.no_grad():
        net[0].weight += 0.1
    found = save_int8(quantize(net, x, bits=8, method=method), tmp_path / "a.onnx", calibration=x)
    assert found.operators.counts["QLinearConv"] == 1
    assert "Conv" not in found.operators.counts

    graph = found.simulated
    layer, given, result = (graph.get_submodule(n) for n in ("0", "input_1_stored", "_0_stored"))
    assert isinstance(layer, Quantised)
    assert isinstance(given, Stored)
    assert isinstance(result, Stored)
    assert isinstance(layer.weights, Affine)
    assert bool((layer.weights.zero != layer.weights.zero.flatten()[0]).any()) == (method is ASYMMETRIC)
    codes = np.clip(np.rint(x.numpy() / given.scale.numpy()) + given.zero, 0, 255)
    centred = torch.from_numpy(codes - given.zero).double()
    weight = (layer.weights.codes(layer.layer.weight) - layer.weights.zero).double()
    unit = given.scale * layer.weights.scale.flatten()
    bias = (layer.layer.bias / unit).round().double()
    total = F.conv2d(centred, weight, bias)
    assert torch.equal(total, total.round())
    factor = (unit.double() / result.scale.double())[:, None, None]
    wanted = ((total * factor).round() + result.zero).clamp(0, 255)

    for optimised in (True, False):
        real = run(tmp_path / "a.onnx", x, optimised=optimised).double() / result.scale.double() + result.zero
        assert (real - real.round()).abs().max() < 1e-4
        assert torch.equal(real.round(), wanted)


def test_a_trained_network(digits: Digits, files: QuantisedFiles) -> None:
    net, _, x, y = digits
    found = files.int8
    assert found is not None
    assert found.operators.islands == ()
    assert found.operators.unfused == ()
    kinds = ("QGemm", "QLinearAdd", "QLinearConv", "QLinearGlobalAveragePool")
    assert [found.operators.counts[kind] for kind in kinds] == [1, 2, 5, 1]
    assert found.operators.fused == 9
    assert found.agreement.argmax_agreement == 1.0
    assert found.agreement.samples == len(x)
    with torch.no_grad():
        logits, simulated, real = net(x), found.simulated(x), run(found.path, x)
        head = found.simulated.get_submodule("mean_stored")
        assert isinstance(head, Stored)
        quantum = float(head.scale) * float(net.head.weight.abs().sum(1).max())
    assert (simulated - real).abs().max() <= quantum  # codes of the pooled features are at most one off
    assert decibels(logits, real) > 25
    assert decibels(logits, run(found.path, x, optimised=False)) > 25
    accuracy = [100 * float((out.argmax(1) == y).float().mean()) for out in (logits, simulated, real)]
    assert accuracy[0] > 90
    assert abs(accuracy[1] - accuracy[2]) <= 0.2
    assert abs(accuracy[0] - accuracy[2]) <= 1


def test_the_file_is_as_documented(files: QuantisedFiles) -> None:
    import onnx

    file = files.folder / "model.int8.onnx"
    model = onnx.load(file)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
    assert {p.key: p.value for p in model.metadata_props} == {"classes": json.dumps(["a", "b"]), "precision": "int8"}
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert {t.data_type for t in model.graph.initializer if len(t.dims) == 4} == {onnx.TensorProto.INT8}
    assert b"site-packages" not in file.read_bytes()


def test_all_files_at_once(digits: Digits, files: QuantisedFiles) -> None:
    x = digits[2]
    names = ["model.int8.onnx", "model.packed.safetensors", "model.pt2"]
    assert sorted(p.name for p in files.folder.iterdir()) == sorted(files.sizes) == names
    assert files.sizes == {name: (files.folder / name).stat().st_size for name in files.sizes}
    assert files.int8 is not None
    assert files.int8.size == files.sizes["model.int8.onnx"]
    assert files.reason == ""
    with torch.no_grad():
        assert torch.equal(files.simulated(x), files.int8.simulated(x))
        program = torch.export.load(files.folder / "model.pt2").module()
        assert torch.allclose(program(x), files.simulated(x), atol=1e-5)
    assert json.loads(json.dumps(files.to_dict()))["int8"]["operators"]["fused"] == 9


def test_an_older_int8_file_goes(digits: Digits, tmp_path: Path) -> None:
    net, calibration, *_ = digits
    (tmp_path / "model.int8.onnx").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    power = quantize(net, calibration, bits=4, method="nupes-data-free")
    found = save_quantised(power, tmp_path, calibration=calibration)
    assert found.int8 is None
    assert "power grid" in found.reason
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.txt", "model.packed.safetensors", "model.pt2"]


def test_file_size(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, x = Small(32).eval(), torch.randn(20, 1, 8, 8)
    found = save_int8(quantize(net, x, method=SYMMETRIC), tmp_path / "a.onnx", calibration=x)
    assert found.size == (tmp_path / "a.onnx").stat().st_size
    assert found.size <= 0.30 * 4 * sum(p.numel() for p in net.parameters())


def test_fewer_bits(digits: Digits, tmp_path: Path) -> None:
    """In containers of 8 bits, computed with integers; as 4-bit tensors, half the size, computed in floats."""
    import onnx

    net, calibration, x, _ = digits
    graph = quantize(net, calibration, bits=4, method=SYMMETRIC)
    found = save_int8(graph, tmp_path / "8.onnx", calibration=calibration)
    assert found.operators.unfused == ()
    assert found.operators.counts["QLinearConv"] == 5
    assert found.agreement.sqnr_db is None or found.agreement.sqnr_db > 25

    model = onnx.load(tmp_path / "8.onnx")
    assert len(four_bits(model)) == 4  # the ends have 8 bits
    onnx.save(model, tmp_path / "4.onnx")
    onnx.checker.check_model(tmp_path / "4.onnx", full_check=True)
    small = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.INT4 and len(t.dims) == 4]
    assert model.opset_import[0].version == 21
    assert found.size - (tmp_path / "4.onnx").stat().st_size > 0.7 * sum(np.prod(t.dims) for t in small) / 2
    assert len(operators(tmp_path / "4.onnx").unfused) == 4
    with torch.no_grad():
        assert decibels(found.simulated(x), run(tmp_path / "4.onnx", x)) > 25


@pytest.mark.parametrize(
    ("bits", "method", "int4", "kind"),
    [
        (8, SYMMETRIC, False, torch.int8),
        (8, ASYMMETRIC, False, torch.uint8),
        (7, ASYMMETRIC, False, torch.int8),  # the distance to the zero point fits
        (4, ASYMMETRIC, False, torch.int8),
        (4, ASYMMETRIC, True, torch.uint8),
    ],
)
def test_integer_weights_mean_the_weights(
    digits: Digits, bits: int, method: Quantization, int4: bool, kind: torch.dtype
) -> None:
    net, calibration, *_ = digits
    layer = quantised_layers(quantize(net, calibration, bits=bits, ends=None, method=method))["c"]
    codes, scale, zero = integer_weights(layer, int4=int4)
    assert (codes.dtype, zero.dtype) == (kind, kind)
    assert bool(zero.any()) == (kind is torch.uint8)
    by_channel = [v.float().reshape(-1, 1, 1, 1) for v in (scale, zero)]
    assert torch.equal((codes.float() - by_channel[1]) * by_channel[0], layer.weight)


def test_four_bits_by_hand() -> None:
    import onnx

    def constant(name: str, kind: int, values: list[int]) -> onnx.TensorProto:
        return onnx.helper.make_tensor(name, kind, [len(values)], values)

    def read(codes: str, zero: str, result: str) -> onnx.NodeProto:
        return onnx.helper.make_node("DequantizeLinear", [codes, "scale", zero], [result], axis=0)

    kind = onnx.TensorProto
    result = [onnx.helper.make_tensor_value_info(name, kind.FLOAT, [3]) for name in "abc"]
    graph = onnx.helper.make_graph(
        [read("small", "zero", "a"), read("large", "zero", "b"), read("bias", "zero32", "c")],
        "g",
        [],
        result,
        [
            constant("small", kind.INT8, [-8, 7, -1]),
            constant("large", kind.INT8, [-9, 7, -1]),
            constant("bias", kind.INT32, [1, 2, 3]),
            constant("zero", kind.INT8, [0, 0, 0]),
            constant("zero32", kind.INT32, [0, 0, 0]),
            onnx.helper.make_tensor("scale", kind.FLOAT, [3], [0.5, 1.0, 2.0]),
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    assert four_bits(model) == ["small"]
    stored = {t.name: t for t in model.graph.initializer}
    assert "small" not in stored
    assert stored["a.codes"].data_type == kind.INT4
    assert stored["a.codes"].raw_data == bytes([0x78, 0x0F])  # the first code in the lower half
    assert stored["large"].data_type == kind.INT8  # -9 needs more
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert [out.tolist() for out in session.run(["a", "b"], {})] == [[-4.0, 7.0, -2.0], [-4.5, 7.0, -2.0]]


def test_power_grids_are_refused_or_shipped_in_floats(digits: Digits, tmp_path: Path) -> None:
    net, calibration, x, _ = digits
    graph = quantize(net, calibration, bits=4, method=Quantization(grid="power"))
    with pytest.raises(UserError, match=r"layer stem has no 8-bit integer form \(weights: a power grid\)"):
        save_int8(graph, tmp_path / "a.onnx", calibration=calibration)
    assert list(tmp_path.iterdir()) == []
    found = save_int8(graph, tmp_path / "a.onnx", calibration=calibration, unsupported="float")
    assert found.operators.fused == 0
    with torch.no_grad():
        assert decibels(graph(x), run(tmp_path / "a.onnx", x)) > 25


class Blocks(nn.Module):
    """Gates, concatenations, windows, depthwise and one-dimensional kinds of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.squeeze, self.excite = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.c, self.head = nn.Conv2d(16, 8, 1), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = (x - 100.0) / 50.0
        x = F.relu6(self.a(x))
        y = self.b(x)
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(y, 1)))))
        x = self.c(F.max_pool2d(torch.cat([x, y * gate], 1), 2))
        return self.head(F.adaptive_avg_pool2d(F.hardswish(x), 1).flatten(1))


def test_blocks_of_mobile_networks(tmp_path: Path) -> None:
    import onnx

    torch.manual_seed(0)
    net, x = Blocks().eval(), torch.randint(0, 256, (64, 3, 8, 8)).float()
    graph = quantize(net, x, method=SYMMETRIC)
    found = save_int8(graph, tmp_path / "a.onnx", calibration=x, reduce_range=True)
    counts = found.operators.counts
    kinds = ("QLinearConv", "QLinearSigmoid", "QLinearMul", "QLinearConcat", "QLinearGlobalAveragePool", "QGemm")
    assert [counts[kind] for kind in kinds] == [5, 1, 1, 1, 2, 1]
    assert found.operators.islands == (("HardSigmoid", "Mul"),)  # no integer kernel
    weights = [onnx.numpy_helper.to_array(t) for t in onnx.load(found.path).graph.initializer if len(t.dims) == 4]
    assert max(np.abs(w.astype(int)).max() for w in weights) == 63
    assert found.agreement.argmax_agreement == 1.0


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.mix = nn.LayerNorm(8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.up, self.down, self.head = nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        x = x + self.mix(y, y, y, need_weights=False)[0]
        return self.head((x + self.down(F.gelu(self.up(x)))).mean(1))


def test_linear_layers_of_a_transformer_are_integers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, x = Transformer().eval(), torch.randn(64, 5, 8)
    found = save_int8(quantize(net, x, method=ASYMMETRIC), tmp_path / "a.onnx", calibration=x)
    assert found.operators.fused == 5
    assert found.operators.unfused == ()
    assert found.agreement.sqnr_db is None or found.agreement.sqnr_db > 80


def test_disagreement_leaves_no_file(
    digits: Digits, files: QuantisedFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibration = digits[1]
    other = calibration.flip(1) + 3
    monkeypatch.setattr(_int8, "to_onnx", lambda m, x, path, **k: shutil.copy(files.folder / "model.int8.onnx", path))
    graph = quantize(Small().eval(), other, method="minmax")
    with pytest.raises(ArchwrightError, match=r"a\.onnx disagrees with the network: outputs over differences"):
        save_int8(graph, tmp_path / "a.onnx", calibration=calibration)
    assert list(tmp_path.iterdir()) == []


def test_too_few_samples(digits: Digits, tmp_path: Path) -> None:
    net, calibration, *_ = digits
    with pytest.raises(UserError, match="calibration needs at least 2 samples, got 1"):
        save_int8(quantize(net, calibration, method="minmax"), tmp_path / "a.onnx", calibration=calibration[:1])


@pytest.mark.slow
def test_resnet20(tmp_path: Path) -> None:
    try:
        known = bench.pretrained("cifar10_resnet20")
        splits = data.load("cifar10", seed=0)
    except UserError as error:
        pytest.skip(str(error))
    calibration = next(iter(known.normalised(splits.train).batches(200)))[0]
    x, y = next(iter(known.normalised(splits.test).batches(1000)))
    simulated = quantize(known.module, calibration, bits=8, method=SYMMETRIC)
    found = save_int8(simulated, tmp_path / "a.onnx", calibration=calibration, check_x=x)
    original = to_onnx(known.module, calibration[:2], tmp_path / "f.onnx")
    assert found.size <= 0.30 * original.stat().st_size
    assert [found.operators.counts[kind] for kind in ("QGemm", "QLinearAdd", "QLinearConv")] == [1, 9, 19]
    assert (found.operators.islands, found.operators.unfused) == ((), ())
    with torch.no_grad():
        outputs = [known.module(x), found.simulated(x), run(tmp_path / "a.onnx", x)]
    accuracy = [100 * float((out.argmax(1) == y).float().mean()) for out in outputs]
    assert abs(accuracy[1] - accuracy[2]) <= 0.3
    assert abs(accuracy[0] - accuracy[2]) <= 1
    assert decibels(outputs[0], outputs[2]) > 25
    assert operators(tmp_path / "f.onnx").fused == 0
