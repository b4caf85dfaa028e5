"""`.npz` files with samples and labels."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from archwright.data._arrays import from_arrays
from archwright.data._source import Source
from archwright.errors import UserError

_UNREADABLE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)
_ZIP = b"PK"
_NPY = b"\x93NUMPY"  # a single array begins so
_SUFFIXES = {"train": ("", "_train"), "valid": ("_valid", "_val"), "test": ("_test",)}


def read_npz(path: Path) -> Source:
    """Arrays `x`, `y` (or `x_train`, `y_train`), optionally `x_valid`, `y_valid`, `x_test`, `y_test`, `classes`.

    Pickled objects are refused. Layouts of x: `as_samples`; of y: `encode_labels`.

    Raises:
        UserError: not such a file.
    """
    arrays = load_arrays(path)
    parts = {}
    for part, suffixes in _SUFFIXES.items():
        suffix = next((s for s in suffixes if f"x{s}" in arrays or f"y{s}" in arrays), None)
        if suffix is not None or part == "train":
            parts[part] = (_key(path, arrays, f"x{suffix or ''}"), _key(path, arrays, f"y{suffix or ''}"))
    return from_arrays(path.stem, parts, [str(name) for name in arrays["classes"]] if "classes" in arrays else None)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array in the file.

    Raises:
        UserError: not an `.npz` file, or one with pickled objects.
    """
    try:
        with path.open("rb") as file:
            start = file.read(6)
            if not start.startswith(_ZIP) and start != _NPY:
                raise UserError(f"{path} is not an .npz file; write x and y with numpy.savez")
            file.seek(0)
            stored = np.load(file, allow_pickle=False)
            if not isinstance(stored, np.lib.npyio.NpzFile):
                raise UserError(f"{path} holds a single array; write x and y with numpy.savez")
            return {key: _array(stored, key, path) for key in stored.files}
    except UserError:
        raise
    except _UNREADABLE as error:
        raise UserError(f"{path} is not a readable .npz file: {_first_line(error)}") from error


def _array(stored: Mapping[str, np.ndarray], key: str, path: Path) -> np.ndarray:
    try:
        return stored[key]
    except ValueError as error:
        if "pickle" not in str(error):
            raise
        raise UserError(
            f"{path}: {key!r} holds Python objects, which are not loaded for safety; store plain numbers or strings"
        ) from error


def _key(path: Path, arrays: Mapping[str, np.ndarray], key: str) -> np.ndarray:
    if key not in arrays:
        raise UserError(f"{path} has no array {key!r}; found: {', '.join(sorted(arrays)) or 'nothing'}")
    return arrays[key]


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
