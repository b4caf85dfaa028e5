from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from archwright import data
from archwright.errors import UserError


def test_names() -> None:
    assert {"digits", "fashion-mnist", "cifar10", "cifar100"} <= set(data.names())
    assert all(data.DATASETS.about(name) for name in data.names())


def test_digits() -> None:
    splits = data.load("digits")
    assert splits.train.x.shape[1:] == splits.input_shape == (1, 8, 8)
    assert splits.train.x.dtype == torch.uint8
    assert splits.train.x.max() == 16
    assert len(splits.train) + len(splits.valid) + len(splits.test) == 1797
    assert splits.classes == tuple("0123456789")
    assert splits.kind == "image"
    assert len(splits.fingerprint) == 64
    assert splits.mean.shape == splits.std.shape == (1,)
    counts = [torch.bincount(split.y) / len(split) for split in (splits.train, splits.valid, splits.test)]
    assert all((share - counts[0]).abs().max() < 0.01 for share in counts)
    assert "digits" in repr(splits)


def test_digits_load_in_under_a_second() -> None:
    data.load("digits")
    start = time.perf_counter()
    data.load("digits")
    assert time.perf_counter() - start < 1


def test_another_seed_is_another_split_of_the_same_data() -> None:
    a, b = data.load("digits", seed=0), data.load("digits", seed=1)
    assert a.fingerprint == b.fingerprint
    assert not np.array_equal(a.indices["test"], b.indices["test"])


def test_digits_resized() -> None:
    assert data.load("digits", image_size=12).input_shape == (1, 12, 12)


def test_importing_is_light() -> None:
    heavy = ("sklearn", "pandas", "torchvision", "scipy", "pyarrow")
    code = f"import archwright.data, sys; print([name for name in {heavy} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ("digit", "'digit' is neither a known data set nor an existing path; did you mean 'digits'"),
        ("no/such/folder", "'no/such/folder' is neither a known data set nor an existing path. Allowed: .*digits"),
    ],
)
def test_unknown_source(source: str, match: str) -> None:
    with pytest.raises(UserError, match=match):
        data.load(source)


def test_unknown_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(
        UserError, match=r"notes\.txt is of no known kind; use a folder of images, \.npz, \.csv, \.parquet"
    ):
        data.load(tmp_path / "notes.txt")


def test_label_is_for_tables() -> None:
    with pytest.raises(
        UserError, match=r"label names a column of a \.csv or \.parquet table, but the source is digits"
    ):
        data.load("digits", label="y")


@pytest.mark.parametrize("options", [{"seed": -1}, {"image_size": 0}])
def test_numbers_out_of_range(options: dict[str, int]) -> None:
    with pytest.raises(UserError, match="seed must be at least 0 and image_size at least 1"):
        data.load("digits", **options)


def test_normaliser_and_batches_agree() -> None:
    splits = data.load("digits")
    x, _ = next(iter(splits.test.batches(32)))
    assert torch.equal(splits.normalizer()(splits.test.x[:32].float()), x)


def test_a_plug_in_may_return_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data.DATASETS, "_with_plugins", {"mine": f"{__name__}:mine"})
    splits = data.load("mine", root="somewhere")
    assert splits.name == "mine"
    assert splits.input_shape == (4,)


def mine(root: Path | None) -> tuple[np.ndarray, np.ndarray]:
    assert root == Path("somewhere")
    return np.zeros((20, 4)), np.arange(20) % 2


def test_to_device() -> None:
    assert data.load("digits").to("meta").valid.x.device == torch.device("meta")
