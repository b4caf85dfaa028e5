"""Image files and PIL images -> uint8 arrays (C, H, W)."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from archwright.errors import UserError

_GRAY = ("1", "L", "LA", "La")
_ROTATED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_ORIENTATION = 0x0112
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
LARGEST = 224
_CHUNK = 1024


def pixels(image: Image.Image, shape: tuple[int, int, int]) -> np.ndarray:
    """uint8 array of `shape` (C, H, W), C 1 or 3: cut centrally to the aspect, then resized with anti-aliasing."""
    channels, height, width = shape
    image = _eight_bit(ImageOps.exif_transpose(image)).convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    array = np.array(image)
    return array[None] if channels == 1 else np.ascontiguousarray(array.transpose(2, 0, 1))


def decode(path: str | Path, shape: tuple[int, int, int]) -> np.ndarray:
    """Read one file as uint8 of `shape` (C, H, W).

    Raises:
        UserError: not a readable image; names the file.
    """
    try:
        with Image.open(path) as image:
            image.draft("L" if shape[0] == 1 else "RGB", (max(shape[1:]),) * 2)  # JPEG: decode no larger than needed
            return pixels(image, shape)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def common_shape(paths: Sequence[str], image_size: int | None) -> tuple[int, int, int]:
    """The shape (C, H, W) to decode `paths` to, from the headers given.

    One channel if all are gray. Images of one size up to 224 keep it; otherwise squares of the median shorter side, at
    most 224. `image_size` makes squares of that side.
    """
    headers = [_header(path) for path in paths]
    channels = 1 if all(gray for gray, _ in headers) else 3
    return channels, *common_size([size for _, size in headers], image_size)


def common_size(sizes: Sequence[tuple[int, int]], image_size: int | None) -> tuple[int, int]:
    """The (height, width) for images of `sizes` (height, width); see `common_shape`."""
    if image_size is not None:
        return image_size, image_size
    if len(set(sizes)) == 1 and max(sizes[0]) <= LARGEST:
        return sizes[0]
    side = min(LARGEST, int(statistics.median(min(size) for size in sizes)))
    return side, side


def resize(x: Tensor, side: int) -> Tensor:
    """Images (N, C, H, W) -> (N, C, side, side), dtype kept: cut centrally to a square, resized with anti-aliasing."""
    if x.shape[2:] == (side, side):
        return x
    from torchvision.transforms.v2 import functional  # 2 s to import

    square = functional.center_crop(x, [min(x.shape[2:])] * 2)
    return torch.cat([functional.resize(chunk, [side, side], antialias=True) for chunk in torch.split(square, _CHUNK)])


def is_gray(image: Image.Image) -> bool:
    return image.mode in _GRAY or image.mode.startswith(("I", "F"))


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) after the EXIF orientation is applied."""
    width, height = image.size
    return (width, height) if image.getexif().get(_ORIENTATION) in _ROTATED else (height, width)


def _header(path: str) -> tuple[bool, tuple[int, int]]:
    try:
        with Image.open(path) as image:
            return is_gray(image), upright_size(image)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit gray (and palettes with transparency) to a mode that `convert` handles without loss of range."""
    if image.mode == "F":
        raise ValueError("32-bit float pixels; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        return Image.fromarray((np.array(image).clip(0, 65535) // 257).astype(np.uint8))
    return image.convert("RGBA") if image.mode == "P" else image


def _unreadable(path: str | Path, error: Exception) -> UserError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    named = reason if str(path) in reason else f"{path}: {reason}"
    return UserError(f"image cannot be read: {named}")
