"""torch.export programs of quantised networks."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from archwright.compress import Quantised, Quantization, deployable, plain, quantize
from archwright.errors import ArchwrightError, UserError
from archwright.export import save_program

X = torch.rand(20, 2, 6, 6, generator=torch.Generator().manual_seed(0)) * 3 - 1
METHODS = {
    "uniform": Quantization(ranges="mse"),
    "power": Quantization(grid="power"),
}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    ).eval()


@pytest.mark.parametrize("method", METHODS)
def test_plain_layers_compute_the_same_bit_for_bit(method: str) -> None:
    graph = quantize(network(), X, bits=4, method=METHODS[method])
    with torch.no_grad():
        assert torch.equal(plain(graph)(X), graph(X))
    assert not any(isinstance(m, Quantised) for m in plain(graph).modules())


@pytest.mark.parametrize("method", METHODS)
def test_read_back_without_archwright(tmp_path: Path, method: str) -> None:
    graph = quantize(network(), X, bits=4, method=METHODS[method])
    if method == "uniform":
        graph = deployable(graph, X)
    found = save_program(graph, tmp_path / "a.pt2", example=X[:1], check_x=X)
    assert found.max_abs <= 1e-6
    assert found.samples == len(X)
    torch.save(X[:7], tmp_path / "x.pt")
    code = (
        "import sys, torch\n"
        f"program = torch.export.load({str(tmp_path / 'a.pt2')!r}).module()\n"
        f"print(program(torch.load({str(tmp_path / 'x.pt')!r})).tolist())\n"
        "print([name for name in sys.modules if name.startswith('archwright')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    outputs, modules = done.stdout.splitlines()
    assert modules == "[]"
    with torch.no_grad():
        assert torch.allclose(torch.tensor(json.loads(outputs)), graph(X[:7]), atol=1e-6)


def test_neither_samples_nor_source_paths_are_in_the_file(tmp_path: Path) -> None:
    secret = torch.full((2, 2, 6, 6), 1.2345678)
    save_program(quantize(network(), X, method="minmax"), tmp_path / "a.pt2", example=secret)
    with zipfile.ZipFile(tmp_path / "a.pt2") as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert secret[0, 0, 0, :4].numpy().tobytes() not in content
    assert b"test_export_program" not in content
    assert [p.name for p in tmp_path.iterdir()] == ["a.pt2"]


def test_disagreement_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from archwright.export import _program

    class Other(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean((2, 3)).repeat(1, 2)[:, :3]

    monkeypatch.setattr(_program, "plain", lambda graph: Other())
    with pytest.raises(ArchwrightError, match=r"a\.pt2 disagrees with the network"):
        save_program(quantize(network(), X, method="minmax"), tmp_path / "a.pt2", example=X)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from archwright.export import _program

    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    monkeypatch.setattr(_program, "plain", lambda graph: Branch())
    with pytest.raises(UserError, match="the quantised network cannot be traced"):
        save_program(quantize(network(), X, method="minmax"), tmp_path / "a.pt2", example=X)
