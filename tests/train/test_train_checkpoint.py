import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from archwright.errors import ArchwrightError, UserError
from archwright.train import _checkpoint


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('executed')",)


def _state(module: nn.Module, **settings: object) -> dict[str, object]:
    return {"settings": settings, "module": dict(module.state_dict())}


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.pt"
    _checkpoint.save(path, {"n": 3, "history": [[0, {"loss": 0.5}]], "w": torch.arange(3)})
    state = _checkpoint.load(path)
    assert (state["n"], state["history"], state["w"].tolist()) == (3, [[0, {"loss": 0.5}]], [0, 1, 2])
    assert [p.name for p in path.parent.iterdir()] == ["run.pt"]


def test_failed_write_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    _checkpoint.save(path, {"n": 1})
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        _checkpoint.save(path, {"n": 2, "bad": lambda: None})
    assert _checkpoint.load(path)["n"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 broken zip", pickle.dumps({"a": 1}), None])
def test_damaged_file_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "run.pt"
    if content is None:  # truncated
        _checkpoint.save(path, {"w": torch.zeros(1000)})
        content = path.read_bytes()[:2000]
    path.write_bytes(content)
    with pytest.raises(ArchwrightError, match=r"run\.pt") as caught:
        _checkpoint.load(path)
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, UserError)


def test_code_in_a_file_is_never_run(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    torch.save({"format": "archwright.train", "version": 1, "x": Hostile()}, path)
    with pytest.raises(ArchwrightError, match="cannot read checkpoint"):
        _checkpoint.load(path)
    path.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(ArchwrightError, match="cannot read checkpoint"):
        _checkpoint.load(path)


def test_other_files_and_versions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    torch.save({"weights": torch.zeros(1)}, path)
    with pytest.raises(ArchwrightError, match="not a training checkpoint"):
        _checkpoint.load(path)
    torch.save({"format": "archwright.train", "version": 99}, path)
    with pytest.raises(ArchwrightError, match="version 99, this archwright reads 1"):
        _checkpoint.load(path)


def test_what_differs_is_named() -> None:
    path, module = Path("run.pt"), nn.Linear(2, 3)
    stored = _state(module, lr=0.1, seed=0)
    _checkpoint.check(path, stored, {"lr": 0.1, "seed": 0}, module)
    with pytest.raises(UserError, match=r"run\.pt .*: lr=0\.1 \(now 0\.2\); use the same settings"):
        _checkpoint.check(path, stored, {"lr": 0.2, "seed": 0}, module)
    with pytest.raises(UserError, match=r"weight \(3, 2\) \(now \(4, 2\)\), bias \(3,\) \(now \(4,\)\)"):
        _checkpoint.check(path, stored, {"lr": 0.1, "seed": 0}, nn.Linear(2, 4))
    with pytest.raises(UserError, match=r"bias \(3,\) \(now absent\)"):
        _checkpoint.check(path, stored, {"lr": 0.1, "seed": 0}, nn.Linear(2, 3, bias=False))


def test_copies_do_not_change_with_the_original() -> None:
    w = torch.zeros(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    copy = _checkpoint.copied({"a": [w, 1], "b": {"c": "text"}})
    w.fill_(1.0)
    assert copy["a"][0].sum() == 0
    assert copy["a"][0].stride() == w.stride()
    assert copy["a"][1] == 1
    assert copy["b"] == {"c": "text"}
