"""From a name, a path or an object in Python to `Splits`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from archwright.data._arrays import from_arrays
from archwright.data._dataset import read_dataset
from archwright.data._folder import read_folder
from archwright.data._images import Images
from archwright.data._labels import encode_labels
from archwright.data._normalize import statistics
from archwright.data._npz import read_npz
from archwright.data._partition import PARTS, Partition, cut
from archwright.data._pixels import resize
from archwright.data._source import Source
from archwright.data._split import Split
from archwright.data._splits import Splits
from archwright.data._table import Table, read_table
from archwright.data._table_encoder import TableEncoder
from archwright.errors import UserError, nearest
from archwright.registry import Registry

DATASETS = Registry(
    "dataset",
    {
        "digits": "archwright.data._digits:digits",
        "fashion-mnist": "archwright.data._fashion_mnist:fashion_mnist",
        "cifar10": "archwright.data._cifar:cifar10",
        "cifar100": "archwright.data._cifar:cifar100",
    },
)
_TABLES = (".csv", ".parquet")

Stored = str | Path | Partition | Mapping[str, np.ndarray]


def names() -> list[str]:
    """Data sets that `load` knows by name. A plug-in adds one through the entry-point group `archwright.datasets`: a
    function of a folder (or None) that returns a `Source`, or anything else that `load` takes."""
    return DATASETS.names()


def load(
    source: str | Path | Dataset[Any] | tuple[Any, Any] | Mapping[str, Any],
    *,
    seed: int = 0,
    valid: float = 0.15,
    test: float = 0.2,
    indices: Stored | None = None,
    label: str | None = None,
    image_size: int | None = None,
    root: str | Path | None = None,
    memory: int | None = None,
) -> Splits:
    """Read a data set and cut it into train, valid and test, stratified by class.

    Args:
        source: one of
            a name from `names()` (write `./digits` for a folder of that name);
            a folder with one directory of images per class, or with `train` and `test` and/or `valid` of that form;
            an `.npz` file with `x`, `y` (and `x_valid`, `y_valid`, `x_test`, `y_test` if the parts are given);
            a `.csv` or `.parquet` table with a label column;
            a `torch.utils.data.Dataset` of (image, label) pairs; a pair of arrays (x, y);
            a mapping from "train" (and "valid", "test") to Datasets or pairs.
            Four-axis arrays are read as N, H, W, C if the last axis is 1, 3 or 4 long and the second is not.
        seed: of the split, at least 0.
        valid, test: fractions of the samples that the source has not already set apart. An official test set stays the
            test set, and valid is then a fraction of the official training set.
        indices: a split made before (a path written by `Splits.save`, a `Partition`, or a mapping of positions) to
            restore instead of drawing one.
        label: label column of a table; None looks for label, target, class or y.
        image_size: side to resize images to. None keeps them; folders with images of several sizes take the median.
        root: where named data sets are; None means `$ARCHWRIGHT_DATA`, then the cache folder.
        memory: decoded bytes above which an image folder is streamed; None means a quarter of the available memory.

    Raises:
        UserError: the source cannot be found or used, or is not the one that `indices` were made for.
    """
    if seed < 0 or (image_size is not None and image_size < 1):
        raise UserError(f"seed must be at least 0 and image_size at least 1, got {seed} and {image_size}")
    read = _read(source, label=label, image_size=image_size, root=root, memory=memory)
    read = _fit(read, image_size)
    return _splits(read, _partition(read, indices, valid=valid, test=test, seed=seed))


def _partition(source: Source, stored: Stored | None, *, valid: float, test: float, seed: int) -> Partition:
    if stored is None:
        parts = cut(source.y, source.fixed, source.classes, valid=valid, test=test, seed=seed)
        return Partition(**parts, fingerprint=source.fingerprint, seed=seed)
    if isinstance(stored, str | Path):
        stored = Partition.read(stored)
    elif not isinstance(stored, Partition):
        stored = Partition.of(stored)
    return stored.check(len(source.y), source.fingerprint, source.name)


def _splits(source: Source, partition: Partition) -> Splits:
    x, encoder = _encoded(source.x, partition.train)
    whole = Split(x, _tensor(source.y))
    parts = {part: whole.subset(_tensor(partition.indices[part])) for part in PARTS}
    mean, std = statistics(parts["train"].x)
    parts = {part: dataclasses.replace(split, mean=mean, std=std) for part, split in parts.items()}
    return Splits(
        name=source.name,
        kind=source.kind,
        **parts,
        classes=source.classes,
        mean=mean,
        std=std,
        partition=partition,
        encoder=encoder,
    )


def _encoded(x: Tensor | Images | Table, train: np.ndarray) -> tuple[Tensor | Images, TableEncoder | None]:
    return x.encode(train) if isinstance(x, Table) else (x, None)


def _fit(source: Source, image_size: int | None) -> Source:
    if image_size is None:
        return source
    if source.kind == "table":
        raise UserError(f"image_size is for images, but {source.name} is a table")
    return dataclasses.replace(source, x=resize(source.x, image_size)) if isinstance(source.x, Tensor) else source


def _tensor(array: np.ndarray) -> Tensor:
    import torch

    return torch.from_numpy(array)


def _read(
    source: Any, *, label: str | None, image_size: int | None, root: str | Path | None, memory: int | None
) -> Source:
    path = None if not isinstance(source, str | Path) or source in DATASETS.names() else Path(source).expanduser()
    if label is not None and (path is None or path.suffix.lower() not in _TABLES):
        raise UserError(
            f"label names a column of a {' or '.join(_TABLES)} table, but the source is {_describe(source)}"
        )
    if path is not None:
        return _read_path(path, str(source), label=label, image_size=image_size, memory=memory)
    if isinstance(source, str):
        found = DATASETS.load(source)(None if root is None else Path(root).expanduser())
        return found if isinstance(found, Source) else _read_object(found, source, image_size)
    return _read_object(source, _describe(source), image_size)


def _read_path(path: Path, typed: str, *, label: str | None, image_size: int | None, memory: int | None) -> Source:
    if path.is_dir():
        return read_folder(path, image_size=image_size, memory=memory)
    if not path.is_file():
        raise UserError(f"{typed!r} is neither a known data set nor an existing path{nearest(typed, names())}")
    if path.suffix.lower() == ".npz":
        return read_npz(path)
    if path.suffix.lower() in _TABLES:
        table, labels, digest = read_table(path, label)
        y, classes = encode_labels(labels, f"{path}: the label column")
        return Source(name=path.stem, kind="table", x=table, y=y, classes=classes, fingerprint=digest)
    raise UserError(f"{path} is of no known kind; use a folder of images, .npz, {', '.join(_TABLES)}, or a known name")


def _read_object(source: Any, name: str, image_size: int | None) -> Source:
    if isinstance(source, Mapping):
        parts = {part: _pair(given, f"{name}[{part!r}]", image_size) for part, given in source.items()}
        return from_arrays(name, parts, _class_names(source.get("train")))
    return from_arrays(name, {"train": _pair(source, name, image_size)}, _class_names(source))


def _pair(source: Any, name: str, image_size: int | None) -> tuple[Any, Any]:
    if isinstance(source, Dataset):
        return read_dataset(source, name, image_size)
    if isinstance(source, tuple | list) and len(source) == 2:
        return source[0], source[1]
    raise UserError(
        f"cannot load {name}: give a name ({', '.join(names())}), a path, a torch Dataset, a pair of arrays (x, y), "
        f"or a mapping of parts to these"
    )


def _class_names(source: Any) -> list[str] | None:
    found = getattr(source, "classes", None) if isinstance(source, Dataset) else None
    return [str(name) for name in found] if isinstance(found, list | tuple) else None


def _describe(source: Any) -> str:
    if isinstance(source, tuple | list) and len(source) == 2:
        return "arrays"
    return str(source) if isinstance(source, str | Path) else type(source).__name__
