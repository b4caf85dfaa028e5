"""The compact layout: `images/<name>/{train.npz | train_0.npz, train_1.npz, ...}, test.npz`.

Each file holds `y` (N,) and either `x`, uint8 images as `as_samples` takes them, or `E`, residual planes (3, N, H, W):
the image with G, R - G and B - G each predicted from their upper and left neighbours, all modulo 256.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from archwright.data._npz import load_arrays
from archwright.errors import UserError


def read_compact(
    folders: Sequence[Path], name: str, expected: tuple[int, int]
) -> dict[str, tuple[np.ndarray, np.ndarray]] | None:
    """Train and test images and labels from the first of `folders` that has `images/<name>`; None if none has.

    Args:
        folders: candidates, best first.
        name: folder below `images`.
        expected: numbers of training and test images.

    Raises:
        UserError: the layout is there but incomplete or unreadable.
    """
    for folder in (f / "images" / name for f in folders):
        if folder.is_dir():
            parts = {part: _read(folder, part) for part in ("train", "test")}
            found = tuple(len(y) for _, y in parts.values())
            if found != expected:
                raise UserError(
                    f"{folder} holds {found[0]} training and {found[1]} test images, "
                    f"not {expected[0]} and {expected[1]}"
                )
            return parts
    return None


def decode_planes(planes: np.ndarray) -> np.ndarray:
    """Residual planes (3, N, H, W) uint8 -> images (N, 3, H, W) uint8, exact."""
    green, red, blue = np.cumsum(np.cumsum(planes, 2, dtype=np.uint8), 3, dtype=np.uint8)
    return np.stack([red + green, green, blue + green], 1)


def _read(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    files = sorted(folder.glob(f"{part}.npz")) or sorted(folder.glob(f"{part}_*.npz"))
    if not files:
        raise UserError(f"{folder} holds no {part}.npz or {part}_0.npz")
    xs, ys = zip(*(_images(path) for path in files), strict=True)
    return np.concatenate(xs), np.concatenate(ys)


def _images(path: Path) -> tuple[np.ndarray, np.ndarray]:
    arrays = load_arrays(path)
    if "y" not in arrays or not {"x", "E"} & set(arrays):
        raise UserError(f"{path} needs arrays 'y' and 'x' or 'E'; found: {', '.join(sorted(arrays))}")
    return arrays["x"] if "x" in arrays else decode_planes(arrays["E"]), arrays["y"]
