"""Programs from strangers: read where they are plain networks, refused where they would run code."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.compress import deployable, quantize
from archwright.errors import UserError
from archwright.export import load_program, save_program

X = torch.rand(8, 2, 6, 6, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(2, 4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv(x))
        return self.head(x.reshape(x.shape[0], 4, -1).mean(2))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("program") / "a.pt2"
    shapes = ({0: torch.export.Dim("batch", min=2, max=64)},)
    torch.export.save(torch.export.export(Net().eval(), (X,), dynamic_shapes=shapes), file)
    return file


def changed(program: Path, target: Path, change: Callable[[str, bytes], bytes]) -> Path:
    with zipfile.ZipFile(program) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return target


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("ran",))


def test_plain_networks_are_read(program: Path, tmp_path: Path) -> None:
    assert load_program(program).module()(X).shape == (8, 3)
    graph = deployable(quantize(Net().eval(), X, method="minmax"), X)
    save_program(graph, tmp_path / "q.pt2", example=X)
    with torch.no_grad():
        assert torch.allclose(load_program(tmp_path / "q.pt2").module()(X), graph(X), atol=1e-6)


def test_pickles_are_refused(program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def change(name: str, content: bytes) -> bytes:
        if "sample_inputs" not in name:
            return content
        buffer = io.BytesIO()
        torch.save(Evil(), buffer, pickle_module=pickle)
        return buffer.getvalue()

    with pytest.raises(UserError, match="holds a pickle of more than tensors, and reading it would run code"):
        load_program(changed(program, tmp_path / "b.pt2", change))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"torch.ops.aten.relu.default"', '"torch.hub.load"', "the function 'torch.hub.load'"),
        ('"torch.ops.aten.relu.default"', '"torch.ops.aten.from_file.default"', "the function"),
        ('"torch.ops.aten.relu.default"', '"_operator.methodcaller"', "the function '_operator.methodcaller'"),
        ("Symbol(", "__import__('os').system(", "the size"),
        ('"guards_code": []', '"guards_code": ["__import__(\'os\').getcwd() > 1"]', "the guard"),
    ],
)
def test_code_in_the_graph_is_refused(program: Path, tmp_path: Path, old: str, new: str, message: str) -> None:
    def change(name: str, content: bytes) -> bytes:
        if "/models/" not in name:
            return content
        text = json.dumps(json.loads(content))
        assert old in text
        return text.replace(old, new).encode()

    with pytest.raises(UserError, match=f"holds {message}"):
        load_program(changed(program, tmp_path / "b.pt2", change))


def test_other_strange_files(program: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file '.*gone\.pt2'"):
        load_program(tmp_path / "gone.pt2")
    (tmp_path / "no.pt2").write_text("no")
    with pytest.raises(UserError, match=r"no\.pt2 is not a readable torch\.export program"):
        load_program(tmp_path / "no.pt2")
    old = tmp_path / "old.pt2"
    with zipfile.ZipFile(old, "w") as archive:
        archive.writestr("version", "8.1")
    with pytest.raises(UserError, match="a program of an old version"):
        load_program(old)
    with zipfile.ZipFile(program) as before, zipfile.ZipFile(tmp_path / "c.pt2", "w") as new:
        for name in before.namelist():
            new.writestr(name, before.read(name))
        new.writestr("a/data/aotinductor/model/a.so", b"")
    with pytest.raises(UserError, match="compiled code or an object"):
        load_program(tmp_path / "c.pt2")


def test_trust_reads_anything_readable(program: Path) -> None:
    assert load_program(program, trust=True).module()(X).shape == (8, 3)
