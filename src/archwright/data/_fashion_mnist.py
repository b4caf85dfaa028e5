"""Fashion-MNIST, from wherever it is."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from archwright.data._arrays import from_arrays
from archwright.data._compact import read_compact
from archwright.data._download import download
from archwright.data._source import Source
from archwright.data._storage import data_folders, not_found
from archwright.errors import ArchwrightError, UserError

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_FILES = {
    part: (f"{stem}-images-idx3-ubyte.gz", f"{stem}-labels-idx1-ubyte.gz")
    for part, stem in (("train", "train"), ("test", "t10k"))
}
_ALL = [file for pair in _FILES.values() for file in pair]


def fashion_mnist(root: Path | None = None) -> Source:
    """60,000 + 10,000 pictures of clothes in 10 classes, 28x28 gray, values 0 to 255 (Xiao et al. 2017).

    Looked for in the compact layout, in Debian's package dataset-fashion-mnist, in torchvision's layout; then
    downloaded.
    """
    folders = data_folders(root)
    parts = read_compact(folders, "fashion_mnist", (60_000, 10_000))
    if parts is None:
        folder = next((f for f in (DEBIAN, *map(_raw, folders)) if all((f / file).is_file() for file in _ALL)), None)
        folder = _download(folders) if folder is None else folder
        parts = {part: (read_idx(folder / x), read_idx(folder / y)) for part, (x, y) in _FILES.items()}
    return from_arrays("fashion-mnist", parts, CLASSES)


def read_idx(path: Path) -> np.ndarray:
    """A gzipped IDX file of unsigned bytes (LeCun): 0, 0, 8, number of axes, their lengths as big-endian int32, values.

    Raises:
        UserError: not such a file.
    """
    try:
        data = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a readable gzip file: {error}") from error
    axes = data[3] if len(data) > 3 and data[:3] == b"\0\0\x08" else 0
    shape = tuple(np.frombuffer(data, ">i4", axes, 4).tolist()) if axes and len(data) >= 4 + 4 * axes else ()
    if not shape or len(data) != 4 + 4 * axes + math.prod(shape):
        raise UserError(f"{path} is not an IDX file of bytes, or is cut short")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _raw(folder: Path) -> Path:
    return folder / "FashionMNIST" / "raw"


def _download(folders: list[Path]) -> Path:
    from torchvision.datasets import FashionMNIST

    target = _raw(folders[0])
    try:
        for file, checksum in FashionMNIST.resources:
            download(FashionMNIST.mirrors[0] + file, checksum, target)
    except ArchwrightError as error:
        looked = [*(f / "images" / "fashion_mnist" for f in folders), DEBIAN, *map(_raw, folders)]
        advice = ", or install Debian's package dataset-fashion-mnist"
        raise not_found("fashion-mnist", looked, str(error), advice) from error
    return target
