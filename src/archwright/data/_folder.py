"""A folder with one directory of images per class."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from archwright.data._arrays import positions
from archwright.data._images import Images
from archwright.data._memory import available_memory
from archwright.data._pixels import common_shape
from archwright.data._source import Source
from archwright.errors import UserError

_logger = logging.getLogger(__name__)

_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
_PARTS = {"train": ("train", "training"), "valid": ("valid", "val", "validation"), "test": ("test", "testing")}
_HEADERS = 2048
_HASHED_BYTES = 2**30


def read_folder(folder: Path, *, image_size: int | None, memory: int | None) -> Source:
    """`folder/<class>/**/*.jpg`, or `folder/{train,valid,test}/<class>/**/*.jpg` (valid and test optional).

    Args:
        folder: hidden directories and files that are no images are passed over.
        image_size: side to resize to; None keeps a common size up to 224, otherwise takes the median, at most 224.
        memory: decoded bytes above which images are streamed; None means a quarter of what is available.

    Raises:
        UserError: a class without images, fewer than 2 classes, a file that cannot be decoded.
    """
    files = {part: _classes(root) for part, root in _part_folders(folder).items()}
    names = sorted(files["train"])
    _check_classes(folder, files, names)
    paths = [path for part in files.values() for name in sorted(part) for path in part[name]]
    y = np.array([names.index(name) for part in files.values() for name in sorted(part) for _ in part[name]], np.int64)
    images = Images(paths, common_shape(_some(paths), image_size))
    limit = available_memory() // 4 if memory is None else memory
    if images.nbytes > limit:
        _logger.info("%s: %d MB decoded, over %d MB: streamed from disk", folder, images.nbytes >> 20, limit >> 20)
    return Source(
        name=folder.resolve().name,
        kind="image",
        x=images if images.nbytes > limit else images[:],
        y=y,
        classes=tuple(names),
        fixed=positions({part: sum(map(len, by_class.values())) for part, by_class in files.items()}),
        fingerprint=_fingerprint(folder, paths),
    )


def _part_folders(folder: Path) -> dict[str, Path]:
    """`{"train": ...}` and the other parts, if `train` is a folder of folders; otherwise the folder as a whole."""
    found = {name.lower(): folder / name for name in _directories(folder)}
    parts = {part: found[alias] for part, aliases in _PARTS.items() for alias in aliases if alias in found}
    return parts if "train" in parts and _directories(parts["train"]) else {"train": folder}


def _classes(root: Path) -> dict[str, list[str]]:
    return {name: _images(root / name) for name in _directories(root)}


def _directories(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith((".", "__")))


def _images(folder: Path) -> list[str]:
    found = []
    for parent, directories, files in os.walk(folder, followlinks=True):
        directories[:] = sorted(d for d in directories if not d.startswith("."))
        found += [
            os.path.join(parent, file)
            for file in sorted(files)
            if os.path.splitext(file)[1].lower() in _SUFFIXES and not file.startswith(".")
        ]
    return found


def _check_classes(folder: Path, files: Mapping[str, Mapping[str, Sequence[str]]], names: Sequence[str]) -> None:
    if len(names) < 2:
        found = f"found {names[0]!r} only" if names else "found none"
        raise UserError(f"{folder} must hold one folder of images per class, at least 2; {found}")
    for part, by_class in files.items():
        where = f"{folder}/{part}" if len(files) > 1 else str(folder)
        empty = [name for name, paths in by_class.items() if not paths]
        if empty:
            raise UserError(f"class folder {where}/{empty[0]} holds no images ({', '.join(sorted(_SUFFIXES))})")
        unknown = sorted(set(by_class) - set(names))
        if unknown:
            raise UserError(f"{where} has a class {unknown[0]!r} that train has not; train has: {', '.join(names)}")
        if not by_class:
            raise UserError(f"{where} holds no class folders; sort its images into them or move it away")


def _some(paths: Sequence[str]) -> list[str]:
    chosen = np.linspace(0, len(paths) - 1, min(len(paths), _HEADERS)).round().astype(int)
    return [paths[i] for i in chosen]


def _fingerprint(folder: Path, paths: Sequence[str]) -> str:
    """sha256 over relative paths and contents; beyond 1 GiB of files over relative paths and file sizes."""
    sizes = [os.path.getsize(path) for path in paths]
    digest = hashlib.sha256()
    for path, size in zip(paths, sizes, strict=True):
        digest.update(f"{Path(path).relative_to(folder).as_posix()}\0{size}\0".encode())
    if sum(sizes) <= _HASHED_BYTES:
        for path in paths:
            digest.update(Path(path).read_bytes())
    return digest.hexdigest()
