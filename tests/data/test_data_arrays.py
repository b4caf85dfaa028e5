from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archwright import data
from archwright.data._arrays import as_samples
from archwright.data._labels import encode_labels
from archwright.errors import UserError


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((6, 5), (6, 5)),
        ((6, 8, 9), (6, 1, 8, 9)),
        ((6, 8, 9, 3), (6, 3, 8, 9)),
        ((6, 8, 9, 1), (6, 1, 8, 9)),
        ((6, 8, 9, 4), (6, 4, 8, 9)),
        ((6, 3, 8, 9), (6, 3, 8, 9)),
        ((6, 3, 8, 3), (6, 3, 8, 3)),
        ((6, 10, 8, 9), (6, 10, 8, 9)),
    ],
)
def test_layout(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert as_samples(np.zeros(shape), "x").shape == expected


def test_channels_last_pixels_land_where_they_belong() -> None:
    x = np.arange(2 * 5 * 6 * 3, dtype=np.uint8).reshape(2, 5, 6, 3)
    assert np.array_equal(as_samples(x, "x")[1, 2].numpy(), x[1, :, :, 2])


@pytest.mark.parametrize(
    ("dtype", "shape", "expected"),
    [
        (np.uint8, (4, 3, 3), torch.uint8),
        (np.uint8, (4, 3), torch.float32),
        (np.int16, (4, 3, 3), torch.float32),
        (np.float64, (4, 3), torch.float32),
        (np.float16, (4, 3, 3), torch.float32),
        (np.bool_, (4, 3), torch.float32),
        (np.dtype(">f4"), (4, 3), torch.float32),
        (np.uint16, (4, 3, 3), torch.float32),
    ],
)
def test_number_types(dtype: Any, shape: tuple[int, ...], expected: torch.dtype) -> None:
    x = as_samples(np.ones(shape, dtype), "x")
    assert x.dtype == expected
    assert x.float().mean() == 1


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (np.zeros(5), r"shape \(5,\)"),
        (np.zeros((2, 3, 4, 5, 6)), r"shape \(2, 3, 4, 5, 6\)"),
        (np.zeros((0, 4)), r"empty: shape \(0, 4\)"),
        (np.array([["a", "b"]]), "must hold numbers"),
        (np.array([[None, 1]]), "must hold numbers, got object"),
        (np.zeros((2, 2), complex), "must hold numbers"),
        (torch.zeros((2, 2), dtype=torch.complex64), "real numbers"),
    ],
)
def test_refuses_what_is_no_sample(x: Any, match: str) -> None:
    with pytest.raises(UserError, match=match):
        as_samples(x, "x")


def test_nan_and_infinity_are_counted_and_located() -> None:
    x = np.zeros((6, 4, 4))
    x[2, 1, 1] = x[4, 0, 0] = np.nan
    x[3, 3, 3] = -np.inf
    with pytest.raises(UserError, match="x holds 2 NaN and 1 infinite values, first in sample 2"):
        as_samples(x, "x")


@pytest.mark.parametrize(
    ("values", "y", "classes"),
    [
        ([3, 1, 3], [1, 0, 1], ("1", "3")),
        (["b", "a", "b"], [1, 0, 1], ("a", "b")),
        ([True, False], [1, 0], ("False", "True")),
        (np.array([[5], [2]], np.uint8), [1, 0], ("2", "5")),
        (np.array(["b", "a"], object), [1, 0], ("a", "b")),
        (np.array([b"b", b"a"]), [1, 0], ("a", "b")),
    ],
)
def test_labels(values: Any, y: list[int], classes: tuple[str, ...]) -> None:
    encoded, names = encode_labels(values, "y")
    assert encoded.tolist() == y
    assert encoded.dtype == np.int64
    assert names == classes


def test_labels_with_given_names_keep_their_numbers() -> None:
    y, names = encode_labels([2, 0, 2], "y", ["a", "b", "c"])
    assert y.tolist() == [2, 0, 2]
    assert names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ([0.5, 1.5], "y must be integers or strings, got float64"),
        (np.array([{}, {}]), "got dict objects"),
        (np.zeros((4, 10)), r"shape \(4, 10\)"),
        ([1, 1, 1], "holds 1 class; at least 2"),
        (np.zeros(0, int), "holds 0 classes"),
    ],
)
def test_refuses_what_is_no_label(values: Any, match: str) -> None:
    with pytest.raises(UserError, match=match):
        encode_labels(values, "y")


def test_pair_of_arrays() -> None:
    x = np.random.default_rng(0).integers(0, 255, (40, 6, 6, 3), dtype=np.uint8)
    y = np.array(["cat", "dog"])[np.arange(40) % 2]
    splits = data.load((x, y))
    assert splits.kind == "image"
    assert splits.input_shape == (3, 6, 6)
    assert (splits.in_channels, splits.image_size, splits.classes) == (3, 6, ("cat", "dog"))
    assert splits.train.x.dtype == torch.uint8
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (26, 6, 8)
    for part in ("train", "valid", "test"):
        split, where = getattr(splits, part), splits.indices[part]
        assert np.array_equal(split.x.numpy(), x[where].transpose(0, 3, 1, 2))
        assert [splits.classes[k] for k in split.y] == y[where].tolist()


def test_mapping_of_parts() -> None:
    x, y = np.random.default_rng(0).normal(size=(40, 5)), np.arange(40) % 2
    splits = data.load({"train": (x[:30], y[:30]), "test": (x[30:], y[30:])})
    assert splits.indices["test"].tolist() == list(range(30, 40))
    assert len(splits.valid) == 4
    assert splits.kind == "table"
    assert (splits.input_shape, splits.in_channels, splits.image_size) == ((5,), 5, 1)


def test_image_size_resizes_arrays_but_not_tables() -> None:
    x, y = np.full((40, 10, 6), 7, np.uint8), np.arange(40) % 2
    splits = data.load((x, y), image_size=16)
    assert splits.input_shape == (1, 16, 16)
    assert splits.train.x.dtype == torch.uint8
    assert splits.train.x.unique().tolist() == [7]
    with pytest.raises(UserError, match="arrays is a table"):
        data.load((x[:, 0], y), image_size=16)


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ((np.zeros((5, 2)), np.zeros(4, int)), "x has 5 samples but y has 4"),
        (
            {"train": (np.zeros((5, 2)), [0, 1, 0, 1, 0]), "test": (np.zeros((2, 3)), [0, 1])},
            r"sample of test is \(3,\)",
        ),
        ({"fit": (np.zeros((5, 2)), [0, 1, 0, 1, 0])}, "parts must be 'train'"),
        ({"train": (np.zeros((9, 2)), [0, 1, 0] * 3), "test": (np.zeros((2, 2)), [0, 2])}, "class '2' has 0 samples"),
        ((np.zeros((5, 2)),), "cannot load tuple"),
        (3, "cannot load int"),
        (([[1, 2], [3]], [0, 1]), "x is not an array: its rows differ in length"),
        ((np.zeros((2, 2)), [[0, 1], [1]]), "y is not an array"),
        ((np.zeros((2, 2)), None), "one label a sample, got None"),
        ((np.zeros((2, 2)), np.array(["a", 1.5], object)), "got float objects"),
    ],
)
def test_refuses_what_does_not_fit(source: Any, match: str) -> None:
    with pytest.raises(UserError, match=match):
        data.load(source)


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def test_npz(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(40, 5)), np.arange(40) % 4
    splits = data.load(npz(tmp_path / "rows.npz", x=x, y=y))
    assert splits.name == "rows"
    assert splits.classes == ("0", "1", "2", "3")
    np.testing.assert_allclose(splits.test.x.numpy(), x[splits.indices["test"]], rtol=1e-6)
    assert splits.fingerprint == data.load((x, y)).fingerprint


def test_npz_with_parts_and_class_names(tmp_path: Path) -> None:
    x, y = np.zeros((40, 5, 5), np.uint8), np.arange(40) % 2
    parts = {
        "x_train": x[:20],
        "y_train": y[:20],
        "x_valid": x[20:30],
        "y_valid": y[20:30],
        "x_test": x[30:],
        "y_test": y[30:],
    }
    splits = data.load(str(npz(tmp_path / "parts.npz", **parts, classes=np.array(["no", "yes"]))))
    assert splits.classes == ("no", "yes")
    assert [len(splits.indices[part]) for part in ("train", "valid", "test")] == [20, 10, 10]


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"images": np.zeros((4, 2)), "y": [0, 1, 0, 1]}, "no array 'x'; found: images, y"),
        ({"x": np.zeros((4, 2))}, "no array 'y'; found: x"),
        ({"x": np.zeros((4, 2)), "y": [0, 1, 0, 1], "x_test": np.zeros((4, 2))}, "no array 'y_test'"),
        ({"x": np.array([[1, None]], object), "y": [0]}, "'x' holds Python objects, which are not loaded"),
        ({"x": np.full((4, 2), np.nan), "y": [0, 1, 0, 1]}, "8 NaN and 0 infinite values, first in sample 0"),
        ({"x": np.zeros((4, 2)), "y": [0.0, 1.0, 0.0, 1.0]}, "integers or strings, got float64"),
        ({"x": np.zeros((4, 2)), "y": [0, 1, 0]}, "4 samples but y has 3"),
        ({"x": np.zeros((7, 2)), "y": [0, 0, 0, 0, 0, 1, 1]}, "class '1' has 2 samples"),
    ],
)
def test_npz_refusals(tmp_path: Path, arrays: dict[str, Any], match: str) -> None:
    with pytest.raises(UserError, match=match) as caught:
        data.load(npz(tmp_path / "bad.npz", **arrays))
    assert "\n" not in str(caught.value)


def test_npz_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("not a zip file")
    with pytest.raises(UserError, match=r"text\.npz is not an \.npz file"):
        data.load(tmp_path / "text.npz")
    whole = npz(tmp_path / "whole.npz", x=np.random.default_rng(0).normal(size=(99, 9)), y=np.arange(99)).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut\.npz is not a readable"):
        data.load(tmp_path / "cut.npz")
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(UserError, match="single array"):
        data.load(tmp_path / "single.npz")
