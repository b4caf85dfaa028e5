from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from archwright import data
from archwright.errors import UserError


class Listed(Dataset[Any]):
    def __init__(self, samples: list[Any], classes: list[str] | None = None) -> None:
        self.samples = samples
        self.classes = classes

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, i: int) -> Any:
        return self.samples[i]


class Flowing(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return ((torch.full((1, 4, 4), float(i)), i % 2) for i in range(20))


def pictures(n: int = 12, mode: str = "RGB", size: tuple[int, int] = (6, 5)) -> list[Any]:
    return [(Image.new(mode, size, i if mode == "L" else (i, i, i)), i % 2) for i in range(n)]


def test_pil_images_become_bytes() -> None:
    splits = data.load(Listed(pictures(), classes=["even", "odd"]))
    assert splits.input_shape == (3, 5, 6)
    assert splits.train.x.dtype == torch.uint8
    assert splits.classes == ("even", "odd")
    assert splits.train.x[:, 0, 0, 0].tolist() == splits.indices["train"].tolist()


def test_gray_images_and_resizing() -> None:
    assert data.load(Listed(pictures(mode="L"))).input_shape == (1, 5, 6)
    assert data.load(Listed([*pictures(), *pictures(size=(9, 9))]), image_size=8).input_shape == (3, 8, 8)


@pytest.mark.parametrize("label", [int, np.int64, torch.tensor, lambda k: "ab"[k]])
def test_tensors_and_kinds_of_label(label: Any) -> None:
    splits = data.load(Listed([(torch.full((3, 4, 4), i / 20), label(i % 2)) for i in range(20)]))
    assert splits.input_shape == (3, 4, 4)
    assert splits.train.x.dtype == torch.float32
    assert splits.train.y.tolist() == (splits.indices["train"] % 2).tolist()


def test_tensor_dataset_subset_stream_and_rows() -> None:
    x, y = torch.arange(20).view(20, 1).float(), torch.arange(20) % 2
    for source in (TensorDataset(x, y), Subset(TensorDataset(x, y), range(20))):
        assert data.load(source).train.x.flatten().tolist() == data.load((x, y)).indices["train"].tolist()
    assert data.load(Flowing()).input_shape == (1, 4, 4)


def test_parts_as_datasets() -> None:
    splits = data.load({"train": Listed(pictures(12)), "test": Listed(pictures(4))})
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (10, 2, 4)


@pytest.mark.parametrize(
    ("samples", "match"),
    [
        ([], "Listed is empty"),
        ([torch.zeros(3)], r"sample 0 is a Tensor; it must be a pair"),
        ([(1, 2, 3)], r"sample 0 is a tuple of 3; it must be a pair"),
        ([{"x": 1}], "sample 0 is a dict"),
        ([("cat.png", 1)], "the image of sample 0 is a str"),
        ([(torch.zeros(3), 0.5)], "the label of sample 0 is a float"),
        ([(torch.zeros(3), torch.tensor(0.5))], "the label of sample 0 is a Tensor"),
        ([(torch.zeros(3), 0), (torch.zeros(4), 1)], r"sample 1 has shape \(4,\), sample 0 \(3,\); resize them"),
        ([*pictures(2), *pictures(1, size=(9, 9))], r"sample 2 has shape \(9, 9\), sample 0 \(5, 6\); give image_size"),
        ([*pictures(1), (torch.zeros(3), 0)], "mixes PIL images with tensors"),
        ([(torch.full((2,), float("nan")), i % 2) for i in range(9)], "18 NaN"),
    ],
)
def test_refusals(samples: list[Any], match: str) -> None:
    with pytest.raises(UserError, match=match):
        data.load(Listed(samples))
