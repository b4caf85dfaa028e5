"""ONNX files: written quietly, as one file, right for every batch size, and compared honestly."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from archwright.errors import ArchwrightError, UserError
from archwright.export import agreement, to_onnx
from archwright.export._agreement import compare


def small() -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net.append(nn.Dropout(0.5)).append(nn.Linear(4, 3))
    net[1].running_var.uniform_(0.5, 2)
    return net


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    net = small().train()
    return net, to_onnx(net, (1, 1, 8, 8), tmp_path_factory.mktemp("onnx") / "m.onnx", metadata={"note": "mine"})


def test_agrees_on_300_samples(written: tuple[nn.Module, Path]) -> None:
    net, path = written
    found = agreement(path, net, torch.randn(300, 1, 8, 8))
    assert found.max_abs < 1e-4
    assert found.argmax_agreement == 1.0
    assert found.samples == 300
    assert net.training


def test_file_is_as_documented(written: tuple[nn.Module, Path]) -> None:
    import onnx

    _, path = written
    assert [p.name for p in path.parent.iterdir()] == ["m.onnx"]
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
    (given,), (result,) = model.graph.input, model.graph.output
    assert (given.name, result.name) == ("input", "logits")
    for value in (given, result):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"
    assert {p.key: p.value for p in model.metadata_props} == {"note": "mine"}
    assert "BatchNormalization" not in {n.op_type for n in model.graph.node}
    assert b"site-packages" not in path.read_bytes()
    assert str(Path(__file__).name).encode() not in path.read_bytes()


def test_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        to_onnx(nn.Sequential(nn.Linear(4, 2)), torch.zeros(3, 4), tmp_path / "m.onnx")
    assert capfd.readouterr() == ("", "")


def test_other_weights_are_noticed(written: tuple[nn.Module, Path]) -> None:
    _, path = written
    other = small()
    with torch.no_grad():
        other[-1].bias += torch.tensor([5.0, -5.0, 0.0])
    found = agreement(path, other, torch.randn(20, 1, 8, 8))
    assert found.max_abs == pytest.approx(5.0, abs=1e-4)
    assert found.argmax_agreement < 1.0
    with pytest.raises(ArchwrightError, match=r"model\.onnx disagrees.*differ by 5"):
        found.require(1e-4, "model.onnx")


def test_fixed_batch_is_refused(tmp_path: Path) -> None:
    class Fixed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.reshape(4, -1)

    with pytest.raises(UserError, match=r"Fixed cannot become ONNX for inputs of \(4,\)"):
        to_onnx(Fixed(), (2, 4), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no ONNX file at .*gone\.onnx"):
        agreement(tmp_path / "gone.onnx", nn.Linear(1, 1), torch.zeros(1, 1))


def test_compare_by_hand() -> None:
    class Table(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    shift = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 1e-7]])
    found = compare(lambda batch: batch + shift[: len(batch)], Table(), x)
    assert found.max_abs == 2.0
    assert found.scale == 2.0
    assert found.argmax_agreement == pytest.approx(3 / 4)  # the first row counts twice: once alone
    nan = compare(lambda batch: batch * float("nan"), Table(), x)
    with pytest.raises(ArchwrightError, match="nan"):
        nan.require(1.0, "it")
    with pytest.raises(ArchwrightError, match="shape"):
        compare(lambda batch: batch[:, :1], Table(), x)
    with pytest.raises(UserError, match="at least one"):
        compare(lambda batch: batch, Table(), x[:0])


def test_metadata_survives_json(written: tuple[nn.Module, Path]) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(written[1]), providers=["CPUExecutionProvider"])
    assert json.loads(json.dumps(session.get_modelmeta().custom_metadata_map)) == {"note": "mine"}
