"""Weights from files of others."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from archwright.errors import UserError
from archwright.export import load_checkpoint, read_checkpoint


class Payload:
    """Runs code when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


@pytest.mark.parametrize("form", ["safetensors", "npz", "pt", "nested.pth", "module.pt"])
def test_every_form_gives_the_same_weights(form: str, tmp_path: Path) -> None:
    source, target = network(0), network(1)
    state, file = source.state_dict(), tmp_path / f"weights.{form}"
    if form == "safetensors":
        save_file(state, file)
    elif form == "npz":
        np.savez(file, **{k: v.numpy() for k, v in state.items()})
    elif form == "nested.pth":
        torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 3}, file)
    else:
        torch.save(source if form == "module.pt" else state, file)
    load_checkpoint(target, file, trust=form == "module.pt")
    x = torch.randn(5, 3)
    assert torch.equal(source.eval()(x), target.eval()(x))


def test_a_strangers_pickle_runs_no_code(tmp_path: Path) -> None:
    file, mark = tmp_path / "evil.pt", tmp_path / "pwned"
    torch.save({"a": Payload(mark)}, file)
    with pytest.raises(UserError, match="--trust"):
        read_checkpoint(file)
    assert not mark.exists()
    bare = tmp_path / "bare.pkl"
    bare.write_bytes(pickle.dumps(Payload(mark)))
    with pytest.raises(UserError):
        read_checkpoint(bare)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"\x00" * 40, b"hello", b"PK\x03\x04", b""])
@pytest.mark.parametrize("suffix", ["safetensors", "npz", "pt"])
def test_damaged_files_are_refused_in_one_line(suffix: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"broken.{suffix}"
    file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_checkpoint(file)
    assert "\n" not in str(caught.value)


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_file({"0.weight": torch.zeros(4, 3)}, file)
    with pytest.raises(UserError, match=r"lacks 0\.bias"):
        load_checkpoint(network(0), file)
    state = network(0).state_dict()
    save_file({**state, "2.weight": torch.zeros(1)}, file)
    with pytest.raises(UserError, match=r"unknown 2\.weight"):
        load_checkpoint(network(0), file)
    save_file({**state, "0.weight": torch.zeros(4, 5)}, file)
    with pytest.raises(UserError, match="other shapes"):
        load_checkpoint(network(0), file)


def test_wrong_places_and_kinds(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        read_checkpoint(tmp_path / "none.pt")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UserError, match="no known kind"):
        read_checkpoint(tmp_path / "a.txt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(UserError, match="no state dict"):
        read_checkpoint(tmp_path / "list.pt")
