"""What a reader hands over, before it is split."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Literal

import numpy as np
from torch import Tensor

from archwright.data._images import Images
from archwright.data._table import Table


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """All samples of a data set.

    Args:
        name: shown to people.
        kind: `"image"` or `"table"`.
        x: uint8 or float32 (N, C, H, W), float32 (N, F), image files, or table columns that are yet to be encoded.
        y: int64 (N,), from 0.
        classes: names of the labels.
        fixed: positions of the parts that the source itself sets apart: any of "valid", "test".
        fingerprint: sha256 of the raw data.
    """

    name: str
    kind: Literal["image", "table"]
    x: Tensor | Images | Table
    y: np.ndarray
    classes: tuple[str, ...]
    fixed: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    fingerprint: str


def fingerprint(*arrays: np.ndarray) -> str:
    """sha256 over dtype, shape and bytes of `arrays`."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    return digest.hexdigest()
