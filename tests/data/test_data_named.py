"""Data sets by name. Those that need real files look in $ARCHWRIGHT_DATA."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archwright import data
from archwright.data import _cifar, _fashion_mnist
from archwright.data._compact import decode_planes, read_compact
from archwright.data._normalize import statistics
from archwright.errors import UserError

ROOT = Path(os.environ.get("ARCHWRIGHT_DATA", "/nowhere"))
needs = pytest.mark.skipif(not (ROOT / "images").is_dir(), reason="ARCHWRIGHT_DATA does not hold images/")


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, no cache, no system folder, unless the test says so."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(_fashion_mnist, "DEBIAN", tmp_path / "debian")
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@needs
def test_fashion_mnist() -> None:
    splits = data.load("fashion-mnist")
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (51_000, 9_000, 10_000)
    assert splits.input_shape == (1, 28, 28)
    assert splits.classes[9] == "Ankle boot"
    assert torch.bincount(splits.test.y).tolist() == [1000] * 10
    assert torch.bincount(splits.valid.y).tolist() == [900] * 10
    assert splits.mean.item() / 255 == pytest.approx(0.2860, abs=5e-4)
    assert splits.std.item() / 255 == pytest.approx(0.3530, abs=5e-4)
    assert data.augmentation.build("auto", splits) == data.augmentation.build("flip", splits)


@needs
def test_cifar10() -> None:
    splits = data.load("cifar10", valid=0.1)
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (45_000, 5_000, 10_000)
    assert splits.input_shape == (3, 32, 32)
    assert splits.classes[:2] == ("airplane", "automobile")
    assert torch.bincount(splits.test.y).tolist() == [1000] * 10
    mean, std = statistics(torch.cat([splits.train.x, splits.valid.x]))
    torch.testing.assert_close(mean / 255, torch.tensor([0.49139968, 0.48215841, 0.44653091]))
    torch.testing.assert_close(std / 255, torch.tensor([0.24703223, 0.24348513, 0.26158784]))
    assert 0 < (splits.mean - mean).abs().max() < 0.5


def encode_planes(x: np.ndarray) -> np.ndarray:
    """The inverse of `decode_planes`, written the other way round: by differences."""
    green = x[:, 1]
    planes = np.stack([green, x[:, 0] - green, x[:, 2] - green])
    for axis in (2, 3):
        planes = np.diff(planes, axis=axis, prepend=np.uint8(0))
    return planes


def test_residual_planes_are_decoded_exactly() -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 3, 7, 6), dtype=np.uint8)
    assert np.array_equal(decode_planes(encode_planes(x)), x)
    assert not np.array_equal(encode_planes(x), x.transpose(1, 0, 2, 3))


def small_images(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(seed).integers(0, 256, (n, 3, 4, 4), dtype=np.uint8), np.arange(n) % 10


def test_compact_layout_joins_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "images" / "cifar100"
    folder.mkdir(parents=True)
    x, y = small_images(60)
    np.savez(folder / "train_0.npz", E=encode_planes(x[:20]), y=y[:20])
    np.savez(folder / "train_1.npz", x=x[20:40], y=y[20:40])
    np.savez(folder / "test.npz", E=encode_planes(x[40:]), y=y[40:])
    parts = read_compact([tmp_path / "other", tmp_path], "cifar100", (40, 20))
    assert parts is not None
    assert np.array_equal(np.concatenate([parts["train"][0], parts["test"][0]]), x)
    assert np.array_equal(np.concatenate([parts["train"][1], parts["test"][1]]), y)
    with pytest.raises(UserError, match="cifar100 holds 40 training and 20 test images, not 50000 and 10000"):
        data.load("cifar100", root=tmp_path)
    (folder / "test.npz").unlink()
    with pytest.raises(UserError, match=r"cifar100 holds no test\.npz"):
        data.load("cifar100", root=tmp_path)


def idx(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


@pytest.mark.parametrize("place", ["debian", "cache/archwright/FashionMNIST/raw", "own/FashionMNIST/raw"])
def test_fashion_mnist_in_idx_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("ARCHWRIGHT_DATA", str(tmp_path / "own"))
    x, y = small_images(60)
    x, y = x[:, 0], y.astype(np.uint8)
    for stem, chosen in (("train", slice(0, 40)), ("t10k", slice(40, 60))):
        idx(tmp_path / place / f"{stem}-images-idx3-ubyte.gz", x[chosen])
        idx(tmp_path / place / f"{stem}-labels-idx1-ubyte.gz", y[chosen])
    splits = data.load("fashion-mnist", valid=0.25)
    assert splits.indices["test"].tolist() == list(range(40, 60))
    assert np.array_equal(splits.test.x[:, 0], x[40:])
    assert splits.classes[0] == "T-shirt/top"
    (tmp_path / place / "t10k-images-idx3-ubyte.gz").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte\.gz is not a readable gzip file"):
        data.load("fashion-mnist")
    (tmp_path / place / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x05abc"))
    with pytest.raises(UserError, match="cut short"):
        data.load("fashion-mnist")


@pytest.mark.parametrize(
    ("name", "advice"), [("fashion-mnist", "dataset-fashion-mnist"), ("cifar10", ""), ("cifar100", "")]
)
def test_offline_says_where_it_looked_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, advice: str
) -> None:
    monkeypatch.setenv("ARCHWRIGHT_DATA", str(tmp_path / "mine"))
    with pytest.raises(UserError, match=rf"'{name}' is not in .*mine.*, and http.* cannot be downloaded") as caught:
        data.load(name)
    message = str(caught.value)
    assert "set ARCHWRIGHT_DATA" in message
    assert advice in message
    assert "\n" not in message
    assert not (tmp_path / "mine").exists()


def test_cifar_in_torchvisions_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive like the published one, small, with torchvision's checksums replaced by its own."""
    from torchvision.datasets import CIFAR10

    x, y = small_images(60)
    x = np.random.default_rng(1).integers(0, 256, (60, 3, 32, 32), dtype=np.uint8)
    folder = tmp_path / "made" / CIFAR10.base_folder
    folder.mkdir(parents=True)

    def write(name: str, content: dict[str, Any]) -> str:
        (folder / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((folder / name).read_bytes()).hexdigest()

    batches = [
        [name, write(name, {"data": x[part].reshape(-1, 3072), "labels": y[part].tolist()})]
        for name, part in (("data_batch_1", slice(0, 40)), ("test_batch", slice(40, 60)))
    ]
    meta = write("batches.meta", {"label_names": list("abcdefghij")})
    archive = tmp_path / "data" / CIFAR10.filename
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, CIFAR10.base_folder)
    monkeypatch.setattr(CIFAR10, "train_list", batches[:1])
    monkeypatch.setattr(CIFAR10, "test_list", batches[1:])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": meta})
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
    source = _cifar.cifar10(tmp_path / "data")
    assert torch.equal(source.x, torch.from_numpy(x))
    assert source.y.tolist() == y.tolist()
    assert source.classes == tuple("abcdefghij")
    assert source.fixed["test"].tolist() == list(range(40, 60))
    archive.unlink()
    assert _cifar.cifar10(tmp_path / "data").fingerprint == source.fingerprint
