"""The folder a user gets: complete, checked, usable without archwright."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archwright import cost, export
from archwright.errors import ArchwrightError, UserError
from archwright.export import _save
from archwright.space import Arch

CLASSES = ("ant", "bee", "crow | ö")


class Normalize(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([100.0]).view(1, 1, 1, 1))
        self.register_buffer("std", torch.tensor([50.0]).view(1, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        Normalize(),
        nn.Sequential(nn.Conv2d(1, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU()),
        nn.Sequential(nn.Conv2d(6, 6, 3, groups=6), nn.Conv2d(6, 8, 1), nn.ReLU()),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 3),
    ).eval()


@pytest.fixture(scope="module")
def x() -> Tensor:
    return torch.randint(0, 256, (70, 1, 8, 8), generator=torch.Generator().manual_seed(1)).float()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, x: Tensor) -> export.Exported:
    return export.save(
        network(),
        tmp_path_factory.mktemp("run") / "best",
        example=x[:1],
        architecture=Arch({"width": 8, "kernel": "3x3"}),
        space="convnet",
        classes=CLASSES,
        card={
            "title": "Insects",
            "input_range": "grey values 0 to 255",
            "metrics": {"test": {"accuracy %": 98.7}},
            "limits": {"params": 40_000},
            "seed": 3,
            "notes": ["Small data."],
        },
        check_x=x,
    )


def test_all_files_and_their_sizes(exported: export.Exported) -> None:
    found = {p.name: p.stat().st_size for p in exported.folder.iterdir()}
    assert found == exported.sizes
    assert set(found) == set(export.FILES)
    assert [p.name for p in exported.folder.parent.iterdir()] == ["best"]
    assert exported.sizes["model.safetensors"] == cost.size(export.flatten(network()))
    assert exported.params == cost.params(network())
    assert exported.paths["model.safetensors"].stat().st_mode == exported.paths["model.py"].stat().st_mode


def test_agreement_is_reported(exported: export.Exported) -> None:
    assert exported.source_agreement.max_abs == 0.0
    assert exported.onnx_agreement.max_abs < 1e-4
    assert exported.onnx_agreement.argmax_agreement == 1.0
    assert exported.onnx_agreement.samples == 70
    assert json.loads(json.dumps(exported.to_dict()))["onnx_agreement"]["samples"] == 70


def test_round_trip_bit_for_bit(exported: export.Exported, x: Tensor) -> None:
    before = torch.random.get_rng_state()
    again = export.load(exported.folder)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not again.training
    assert not (exported.folder / "__pycache__").exists()
    with torch.inference_mode():
        assert torch.equal(again(x), network()(x))


def test_architecture_json(exported: export.Exported) -> None:
    text = json.loads((exported.folder / "architecture.json").read_text(encoding="utf-8"))
    arch = Arch({"width": 8, "kernel": "3x3"})
    assert text["architecture"] == dict(arch)
    assert text["key"] == arch.key
    assert text["space"] == "convnet"
    assert text["input_shape"] == [1, 8, 8]
    assert text["classes"] == list(CLASSES)


BLOCKED = """
import sys, json
sys.modules["archwright"] = None  # importing it raises
import torch
from model import load
x = torch.tensor(json.load(sys.stdin))
with torch.inference_mode():
    print(json.dumps(load()(x).tolist()))
"""

ONNX_ALONE = """
import sys, json
for name in ("archwright", "torch"):
    sys.modules[name] = None
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
(y,) = session.run(None, {"input": np.array(json.load(sys.stdin), dtype=np.float32)})
print(json.dumps(y.tolist()))
"""


@pytest.mark.parametrize(("script", "tolerance"), [(BLOCKED, 1e-6), (ONNX_ALONE, 1e-4)], ids=["model.py", "onnx"])
def test_works_without_archwright(exported: export.Exported, x: Tensor, script: str, tolerance: float) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-c", script],
        cwd=exported.folder,
        input=json.dumps(x[:5].tolist()),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    with torch.inference_mode():
        expected = network()(x[:5])
    assert np.allclose(json.loads(done.stdout), expected.numpy(), atol=tolerance)


def test_card_tells_what_is_needed(exported: export.Exported) -> None:
    text = (exported.folder / "README.md").read_text(encoding="utf-8")
    for part in ("# Insects", "grey values 0 to 255", "(N, 1, 8, 8)", "ant, bee", "| test accuracy % | 98.7 |",
                 "| params | 40,000 |", "| seed | 3 |", "Small data.", "`model.onnx` (opset 18)",
                 f"{exported.sizes['model.onnx']:,} bytes"):  # fmt: skip
        assert part in text, part


def test_code_of_the_card_runs(exported: export.Exported) -> None:
    text = (exported.folder / "README.md").read_text(encoding="utf-8")
    codes = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(codes) == 2
    script = "\n".join(codes) + "\nassert logits.shape == (1, 3)"
    subprocess.run([sys.executable, "-B", "-c", script], cwd=exported.folder, check=True, timeout=120)


def test_demonstration_runs(exported: export.Exported) -> None:
    done = subprocess.run([sys.executable, "-B", "model.py"], cwd=exported.folder, capture_output=True, timeout=120)
    assert done.stdout.startswith(b"tensor([[")


def fake_onnx(module: nn.Module, example: object, path: Path, **_: object) -> Path:
    """Instead of an export: these tests are about the folder."""
    path.write_bytes(b"onnx")
    return path


@pytest.fixture
def without_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    good = export.Agreement(max_abs=0.0, argmax_agreement=1.0, samples=1, scale=1.0)
    monkeypatch.setattr(_save, "to_onnx", fake_onnx)
    monkeypatch.setattr(_save, "agreement", lambda *_: good)


@pytest.mark.usefixtures("without_onnx")
def test_disagreement_raises_and_leaves_nothing(tmp_path: Path, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    class Drawing(nn.Module):  # another number at every call: no written form can agree
        def __init__(self) -> None:
            super().__init__()
            self.calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x.mean((2, 3)) + self.calls

    with pytest.raises(ArchwrightError, match=r"model\.py disagrees with the network: outputs differ by \d"):
        export.save(Drawing(), tmp_path / "best", example=x[:1], architecture={})
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("without_onnx")
def test_bad_onnx_raises_and_keeps_the_old_export(tmp_path: Path, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    export.save(network(), tmp_path, example=x[:1], architecture={"a": 1}, classes=CLASSES)
    bad = export.Agreement(max_abs=0.5, argmax_agreement=0.9, samples=10, scale=1.0)
    monkeypatch.setattr(_save, "agreement", lambda *_: bad)
    with pytest.raises(ArchwrightError, match=r"model\.onnx disagrees .* 0\.5 \(allowed 0\.0001\).* 90\.00 %"):
        export.save(network(), tmp_path, example=x[:1], architecture={"a": 2}, classes=CLASSES)
    assert json.loads((tmp_path / "architecture.json").read_text())["architecture"] == {"a": 1}


@pytest.mark.usefixtures("without_onnx")
def test_replaces_an_older_export_and_keeps_other_files(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    for width in (2, 3):
        export.save(nn.Linear(4, width), tmp_path, example=(1, 4), architecture={"width": width})
        assert export.load(tmp_path)(torch.zeros(1, 4)).shape == (1, width)
    assert (tmp_path / "mine.txt").read_text() == "keep"
    assert {p.name for p in tmp_path.iterdir()} == {*export.FILES, "mine.txt"}


@pytest.mark.usefixtures("without_onnx")
def test_not_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="JSON"):
        export.save(nn.Linear(4, 2), tmp_path / "best", example=(1, 4), architecture={"a": object()})
    assert not list(tmp_path.iterdir())


def test_target_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "best").write_text("")
    with pytest.raises(UserError, match="it is a file"):
        export.save(nn.Linear(4, 2), tmp_path / "best", example=(1, 4), architecture={})


def test_load_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model\.py and model\.safetensors missing"):
        export.load(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "model.py").write_text("x = 1\n")
    with pytest.raises(UserError, match=r"no function load"):
        export.load(tmp_path)
