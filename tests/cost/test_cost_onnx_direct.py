"""The quick writer: right numbers, the same operations as torch's exporter after optimisation, an honest refusal."""

from __future__ import annotations

import collections
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright import cost
from archwright.cost import _measure
from archwright.cost._onnx import session, to_onnx
from archwright.cost._onnx_direct import write_direct


class Functions(nn.Module):
    """What extracted networks call between layers."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.rand(1, 4, 1, 1))
        self.gain = nn.Parameter(torch.rand(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) / 2 * self.gain + F.relu(x)
        y = F.pad(x[:, :, 1:, 1::2], (0, 1, 2, 0))
        y = torch.cat([y, -y], dim=1).mean((2, 3))
        z = F.adaptive_avg_pool2d(x, 1).flatten(1)
        z = torch.cat([z, torch.sigmoid(x.mean(3, keepdim=True)).view(x.shape[0], -1)], 1)
        return torch.cat([F.dropout(y, 0.5, self.training), F.silu(F.relu6(z)), x.tanh().flatten(1)], -1)


IMAGE = [
    nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2),
    nn.Conv2d(4, 6, (1, 3), padding=(0, 2), dilation=2, bias=False),
    nn.BatchNorm2d(4),
    nn.BatchNorm2d(4, affine=False),
    nn.MaxPool2d(3, 2, 1),
    nn.MaxPool2d(2, ceil_mode=True),
    nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    nn.AvgPool2d(3, 2, 1),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Flatten(2),
    nn.LayerNorm(7),
    nn.LayerNorm((7, 7), bias=False),
    nn.Linear(7, 3),
    nn.ReLU6(),
    nn.SiLU(),
    nn.GELU(),
    nn.Hardswish(),
    nn.Hardsigmoid(),
    nn.Sequential(nn.Sigmoid(), nn.Tanh(), nn.Dropout(0.5), nn.Identity()),
    Functions(),
]


def randomised(module: nn.Module) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-1, 1)
            part.running_var.uniform_(0.5, 2)
    return module


def run(path: Path, x: Tensor) -> Tensor:
    (y,) = session(path).run(None, {"input": x.numpy()})
    return torch.from_numpy(y)


@pytest.mark.parametrize("module", IMAGE, ids=lambda m: repr(m).replace("\n", ""))
def test_same_numbers(module: nn.Module, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = randomised(module).eval()
    x = torch.randn(2, 4, 7, 7)
    assert write_direct(module, (x,), tmp_path / "m.onnx", ["input"])
    with torch.inference_mode():
        assert torch.allclose(run(tmp_path / "m.onnx", x), module(x), atol=1e-5)


def test_several_inputs(tmp_path: Path) -> None:
    class Sum(nn.Module):
        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return a + 2 * b

    assert write_direct(Sum(), (torch.zeros(1, 3), torch.zeros(1, 3)), tmp_path / "m.onnx", ["a", "b"])
    feed = {"a": torch.ones(1, 3).numpy(), "b": torch.ones(1, 3).numpy()}
    assert session(tmp_path / "m.onnx").run(None, feed)[0].tolist() == [[3.0] * 3]


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.Conv2d(4, 4, 3, padding="same"), (1, 4, 7, 7)),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), (1, 4, 7, 7)),
        (nn.AdaptiveAvgPool2d(2), (1, 4, 7, 7)),
        (nn.GELU(approximate="tanh"), (1, 4)),
        (nn.Softplus(), (1, 4)),
        (nn.BatchNorm1d(4, track_running_stats=False), (2, 4)),
        (nn.LSTM(4, 4), (2, 4)),
    ],
    ids=lambda value: repr(value),
)
def test_what_is_unknown_is_refused_without_a_file(module: nn.Module, shape: tuple[int, ...], tmp_path: Path) -> None:
    assert not write_direct(module.eval(), (torch.zeros(shape),), tmp_path / "m.onnx", ["input"])
    assert not list(tmp_path.iterdir())


def test_unknown_operations_go_to_the_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    real = _measure.write

    def spy(module: nn.Module, *args: object, **kwargs: object) -> Path:
        written.append(type(module).__name__)
        return real(module, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(_measure, "write", spy)
    quick = {"runtime": "onnxruntime", "warmup": 1, "repeats": 3, "max_seconds": 1.0}
    assert cost.latency(nn.ReLU(), (1, 4), **quick).ms > 0
    assert written == []
    assert cost.latency(nn.Softplus(), (1, 4), **quick).ms > 0
    assert written == ["Softplus"]


def test_runs_the_operations_of_the_exported_file(tmp_path: Path) -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
            self.tail = nn.Sequential(nn.Conv2d(8, 8, 1, bias=False), nn.BatchNorm2d(8))

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(x + self.tail(self.body(x)))

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), Block(), Block(), nn.AdaptiveAvgPool2d(1))
    net.append(nn.Flatten()).append(nn.Linear(8, 2)).eval()
    write_direct(net, (torch.zeros(1, 3, 12, 12),), tmp_path / "direct.onnx", ["input"])
    to_onnx(net, (1, 3, 12, 12), tmp_path / "exported.onnx")
    assert optimised(tmp_path / "direct.onnx") == optimised(tmp_path / "exported.onnx")


def optimised(path: Path) -> collections.Counter[str]:
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(path.with_suffix(".optimised.onnx"))
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return collections.Counter(node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node)
