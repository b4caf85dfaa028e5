"""CIFAR-10 and CIFAR-100, from wherever they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from archwright.data._arrays import from_arrays
from archwright.data._compact import read_compact
from archwright.data._download import download
from archwright.data._source import Source
from archwright.data._storage import data_folders, not_found
from archwright.errors import ArchwrightError

_CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def cifar10(root: Path | None = None) -> Source:
    """50,000 + 10,000 photographs in 10 classes, 32x32 colour, values 0 to 255 (Krizhevsky 2009)."""
    parts = read_compact(data_folders(root), "cifar10", (50_000, 10_000))
    return from_arrays("cifar10", parts, _CIFAR10_CLASSES) if parts else _torchvision("cifar10", "CIFAR10", root)


def cifar100(root: Path | None = None) -> Source:
    """50,000 + 10,000 photographs in 100 classes, 32x32 colour, values 0 to 255 (Krizhevsky 2009)."""
    parts = read_compact(data_folders(root), "cifar100", (50_000, 10_000))
    return from_arrays("cifar100", parts) if parts else _torchvision("cifar100", "CIFAR100", root)


def _torchvision(name: str, attribute: str, root: Path | None) -> Source:
    import torchvision.datasets

    kind = getattr(torchvision.datasets, attribute)
    folders = data_folders(root)
    folder = next((f for f in folders if (f / kind.base_folder).is_dir()), None)
    if folder is None:
        folder = folders[0]
        try:
            download(kind.url, kind.tgz_md5, folder)
        except ArchwrightError as error:
            looked = [place for f in folders for place in (f / "images" / name, f / kind.base_folder)]
            raise not_found(name, looked, str(error)) from error
    try:
        return _source(
            name, {part: kind(str(folder), train=part == "train", download=True) for part in ("train", "test")}
        )
    except (RuntimeError, OSError) as error:
        reason = f"{folder / kind.base_folder} cannot be read: {str(error).splitlines()[0]}"
        raise not_found(name, [folder / "images" / name], reason) from error


def _source(name: str, datasets: dict[str, Any]) -> Source:
    parts = {part: (dataset.data, np.array(dataset.targets)) for part, dataset in datasets.items()}
    return from_arrays(name, parts, datasets["train"].classes)
