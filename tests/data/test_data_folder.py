from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from archwright import data
from archwright.errors import UserError

# Python 3.12 and later warn about the forks of torch's DataLoader
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

COLOURS = {"blue": (0, 0, 200), "green": (0, 150, 0), "red": (250, 0, 0)}


def paint(
    folder: Path,
    classes: Sequence[str] = tuple(COLOURS),
    n: int = 8,
    size: tuple[int, int] = (12, 12),
    suffix: str = "png",
) -> Path:
    """`n` images of one colour (with a mark that tells them apart) for each class."""
    for name in classes:
        (folder / name).mkdir(parents=True)
        for i in range(n):
            image = Image.new("RGB", size, COLOURS[name])
            image.putpixel((0, 0), (i, i, i))
            image.save(folder / name / f"{i}.{suffix}")
    return folder


def test_one_directory_a_class(tmp_path: Path) -> None:
    splits = data.load(paint(tmp_path / "colours"))
    assert splits.name == "colours"
    assert splits.classes == ("blue", "green", "red")
    assert splits.input_shape == (3, 12, 12)
    assert splits.train.x.dtype == torch.uint8
    for split in (splits.train, splits.valid, splits.test):
        for x, y in zip(split.x, split.y, strict=True):
            assert tuple(x[:, 5, 5].tolist()) == COLOURS[splits.classes[y]]


def test_no_image_is_lost_or_doubled(tmp_path: Path) -> None:
    splits = data.load(paint(tmp_path))
    marks = [
        (int(y), int(x[0, 0, 0]))
        for s in (splits.train, splits.valid, splits.test)
        for x, y in zip(s.x, s.y, strict=True)
    ]
    assert sorted(marks) == [(k, i) for k in range(3) for i in range(8)]


@pytest.mark.parametrize("suffix", ["jpg", "bmp", "webp", "PNG", "gif", "tiff"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    splits = data.load(paint(tmp_path, suffix=suffix))
    pixel = splits.train.x[0, :, 8, 8].int()
    assert (pixel - torch.tensor(COLOURS[splits.classes[splits.train.y[0]]])).abs().max() <= 12


def test_given_parts(tmp_path: Path) -> None:
    paint(tmp_path / "train", n=6)
    paint(tmp_path / "test", classes=("red", "blue"), n=2)
    splits = data.load(tmp_path, valid=0.2)
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (14, 4, 4)
    assert sorted(splits.test.y.tolist()) == [0, 0, 2, 2]
    paint(tmp_path / "val", n=1)
    assert len(data.load(tmp_path).valid) == 3


def test_train_as_the_name_of_a_class(tmp_path: Path) -> None:
    paint(tmp_path, n=5)
    (tmp_path / "red").rename(tmp_path / "train")
    assert data.load(tmp_path).classes == ("blue", "green", "train")


def test_hidden_and_other_files_are_passed_over_and_nested_ones_found(tmp_path: Path) -> None:
    paint(tmp_path, n=5)
    (tmp_path / "README.md").write_text("hello")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "red" / "notes.txt").write_text("hello")
    (tmp_path / "red" / "more").mkdir()
    (tmp_path / "red" / "0.png").rename(tmp_path / "red" / "more" / "0.png")
    splits = data.load(tmp_path)
    assert len(splits.classes) == 3
    assert len(splits.train) + len(splits.valid) + len(splits.test) == 15


def test_gray_images_have_one_channel(tmp_path: Path) -> None:
    for name, value in (("dark", 10), ("light", 200)):
        (tmp_path / name).mkdir()
        for i in range(4):
            Image.new("L", (8, 6), value).save(tmp_path / name / f"{i}.png")
    splits = data.load(tmp_path)
    assert splits.input_shape == (1, 6, 8)
    assert splits.image_size == 6
    assert sorted(splits.train.x.unique().tolist()) == [10, 200]
    Image.new("RGB", (8, 6), (1, 2, 3)).save(tmp_path / "dark" / "5.png")
    assert data.load(tmp_path).in_channels == 3


def test_sixteen_bits_are_scaled_and_transparency_is_dropped(tmp_path: Path) -> None:
    for name, value in (("dark", 257 * 20), ("light", 257 * 180)):
        (tmp_path / name).mkdir()
        for i in range(4):
            Image.fromarray(np.full((8, 8), value, np.uint16)).save(tmp_path / name / f"{i}.png")
    assert sorted(data.load(tmp_path).train.x.unique().tolist()) == [20, 180]
    Image.new("RGBA", (8, 8), (5, 6, 7, 0)).save(tmp_path / "dark" / "9.png")
    assert data.load(tmp_path).in_channels == 3


def test_sizes_differ_takes_the_median_and_cuts_centrally(tmp_path: Path) -> None:
    paint(tmp_path, n=4)
    stripes = np.zeros((40, 80, 3), np.uint8)
    stripes[:, 20:60] = 255
    Image.fromarray(stripes).save(tmp_path / "red" / "wide.png")
    splits = data.load(tmp_path)
    assert splits.input_shape == (3, 12, 12)
    everything = torch.cat([splits.train.x, splits.valid.x, splits.test.x])
    assert (everything.flatten(1).min(1).values > 200).sum() == 1  # no black stripe is left
    assert data.load(tmp_path, image_size=20).input_shape == (3, 20, 20)


def test_large_images_are_brought_to_224(tmp_path: Path) -> None:
    assert data.load(paint(tmp_path, size=(300, 260), n=3)).input_shape == (3, 224, 224)


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(3):
            Image.new("RGB", (16, 8)).save(tmp_path / name / f"{i}.jpg", exif=exif)
    assert data.load(tmp_path).input_shape == (3, 16, 8)


def test_empty_class_is_named(tmp_path: Path) -> None:
    (paint(tmp_path) / "violet").mkdir()
    with pytest.raises(UserError, match=r"class folder .*/violet holds no images"):
        data.load(tmp_path)


@pytest.mark.parametrize(("classes", "match"), [((), "at least 2; found none"), (("red",), "found 'red' only")])
def test_too_few_classes(tmp_path: Path, classes: tuple[str, ...], match: str) -> None:
    with pytest.raises(UserError, match=match):
        data.load(paint(tmp_path, classes))


def test_too_few_images(tmp_path: Path) -> None:
    paint(tmp_path)
    for i in range(6):
        (tmp_path / "green" / f"{i}.png").unlink()
    with pytest.raises(UserError, match="class 'green' has 2 samples"):
        data.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no image at all", "cut"])
@pytest.mark.parametrize("memory", [None, 0])
def test_corrupt_image_is_named(tmp_path: Path, content: Any, memory: int | None) -> None:
    bad = paint(tmp_path, size=(200, 200), suffix="jpg") / "red" / "3.jpg"
    bad.write_bytes(bad.read_bytes()[:700] if content == "cut" else content)
    with pytest.raises(UserError, match=r"image cannot be read: .*red/3\.jpg") as caught:
        data.load(tmp_path, memory=memory)
    assert "\n" not in str(caught.value)


def test_class_that_train_lacks(tmp_path: Path) -> None:
    paint(tmp_path / "train", ("red", "blue"))
    paint(tmp_path / "test")
    with pytest.raises(UserError, match="test has a class 'green' that train has not"):
        data.load(tmp_path)


def test_part_without_classes(tmp_path: Path) -> None:
    paint(tmp_path / "train")
    (tmp_path / "test").mkdir()
    with pytest.raises(UserError, match="test holds no class folders"):
        data.load(tmp_path)


def test_fingerprint_follows_contents_and_names(tmp_path: Path) -> None:
    paint(tmp_path)
    data.load(tmp_path).save(tmp_path / "split.npz")
    assert data.load(tmp_path, indices=tmp_path / "split.npz", memory=0).seed == 0
    Image.new("RGB", (12, 12), COLOURS["red"]).save(tmp_path / "red" / "8.png")
    with pytest.raises(UserError, match="changed since the split was stored"):
        data.load(tmp_path, indices=tmp_path / "split.npz")


def test_fingerprint_sees_other_bytes_in_a_file_of_the_same_name_and_size(tmp_path: Path) -> None:
    paint(tmp_path, suffix="bmp")
    before = data.load(tmp_path).fingerprint
    file = tmp_path / "red" / "3.bmp"
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    assert data.load(tmp_path).fingerprint != before


def test_streamed_equals_in_memory(tmp_path: Path) -> None:
    paint(tmp_path)
    here, streamed = data.load(tmp_path), data.load(tmp_path, memory=0)
    assert isinstance(streamed.train.x, data.Images)
    assert streamed.train.x.shape == here.train.x.shape
    assert streamed.train.x.dtype == here.train.x.dtype
    assert streamed.input_shape == here.input_shape
    assert torch.equal(streamed.mean, here.mean)
    assert torch.equal(streamed.std, here.std)
    assert torch.equal(streamed.train.x[2:5], here.train.x[2:5])
    flip = data.augmentation.build("flip-crop", streamed)
    options: dict[str, Any] = {"shuffle": True, "seed": 1, "epoch": 2, "augment": flip}
    for workers in (0, 2):
        pairs = zip(
            here.train.batches(4, **options), streamed.train.batches(4, workers=workers, **options), strict=True
        )
        assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in pairs)
    rest = list(streamed.train.batches(4, start=2, workers=0, **options))
    whole = list(here.train.batches(4, **options))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(whole[2:], rest, strict=True))


def test_streamed_split_is_cut_and_moved_like_one_in_memory(tmp_path: Path) -> None:
    splits = data.load(paint(tmp_path), memory=0)
    part = splits.train.subset(torch.tensor([3, 1])).to("cpu")
    ((x, y),) = part.batches(4, workers=0)
    assert torch.equal(y, splits.train.y[[3, 1]])
    assert torch.equal(x[1], next(iter(splits.train.batches(2, workers=0)))[0][1])
    assert "streamed" in repr(splits.train)


def test_streaming_leaves_the_global_generator_alone_and_moves_batches(tmp_path: Path) -> None:
    splits = data.load(paint(tmp_path), memory=0)
    state = torch.get_rng_state()
    assert len(list(splits.train.batches(4, shuffle=True))) == 4
    assert torch.equal(torch.get_rng_state(), state)
    for x, y in splits.train.to("meta").batches(4, workers=0):
        assert x.device == y.device == torch.device("meta")


def test_image_that_breaks_while_streaming_is_named_in_one_line(tmp_path: Path) -> None:
    splits = data.load(paint(tmp_path), memory=0)
    (tmp_path / "red" / "3.png").write_bytes(b"gone")
    parts = (splits.train, splits.valid, splits.test)
    with pytest.raises(UserError, match=r"image cannot be read: .*red/3\.png") as caught:
        list(itertools.chain.from_iterable(part.batches(4, workers=2) for part in parts))
    assert "\n" not in str(caught.value)
