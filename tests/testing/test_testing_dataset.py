"""Every data set that is here keeps its contract, and so do data of a user's own."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import torch

from archwright import data
from archwright.errors import UserError
from archwright.testing import DatasetContract


class TestEveryNamedDataset(DatasetContract):
    """Large ones are read only if they are on this machine."""

    @pytest.fixture(params=data.names())
    def splits(self, request: pytest.FixtureRequest) -> data.Splits:
        found = offline(request.param)
        if isinstance(found, UserError):
            pytest.skip(f"{request.param} is not on this machine")
        return found


@functools.cache
def offline(name: str) -> data.Splits | UserError:
    """The data set from this machine, or why it cannot be had."""
    with pytest.MonkeyPatch.context() as patch:
        for proxy in ("http_proxy", "https_proxy"):
            patch.setenv(proxy, "http://127.0.0.1:9")
        try:
            return data.load(name)
        except UserError as error:
            return error


class TestOwnData(DatasetContract):
    @pytest.fixture(params=["rows", "images", "table", "folder", "npz"])
    def splits(self, request: pytest.FixtureRequest, tmp_path: Path) -> data.Splits:
        rng = np.random.default_rng(0)
        y = np.arange(60) % 3
        images = rng.integers(0, 256, (60, 8, 9, 3), dtype=np.uint8)
        if request.param == "rows":
            return data.load((rng.normal(3.0, 2.0, (60, 4)).astype(np.float32), y))
        if request.param == "images":
            return data.load((torch.from_numpy(images).permute(0, 3, 1, 2), y))
        return data.load(written(request.param, tmp_path, images, y))


def written(kind: str, folder: Path, images: np.ndarray, y: np.ndarray) -> Path:
    """The same samples as a file or folder that a user might have."""
    if kind == "npz":
        np.savez(folder / "mine.npz", x=images, y=y)
        return folder / "mine.npz"
    if kind == "table":
        lines = ["size,colour,label", *(f"{i / 7},{'rgb'[i % 2]},{'abc'[c]}" for i, c in enumerate(y))]
        (folder / "mine.csv").write_text("\n".join(lines))
        return folder / "mine.csv"
    from PIL import Image

    for n, (image, c) in enumerate(zip(images, y)):
        (folder / "abc"[c]).mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / "abc"[c] / f"{n}.png")
    return folder
