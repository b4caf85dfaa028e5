"""A data set cut into train, valid and test."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from archwright.data._normalize import Normalize
from archwright.data._partition import Partition
from archwright.data._split import Split
from archwright.data._table_encoder import TableEncoder


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Splits:
    """What `load` returns.

    Args:
        name: registered name, or the stem of the path.
        kind: `"image"`: x (N, C, H, W); `"table"`: x (N, F).
        train, valid, test: the parts; each normalises its batches with the statistics of train.
        classes: class names; `classes[y]` names the label y.
        mean, std: float32 (C,) or (F,), of the training part, in raw units.
        partition: which sample of the source went where.
        encoder: how table columns became the F numbers; None for images and for arrays that were numbers already.
    """

    name: str
    kind: Literal["image", "table"]
    train: Split
    valid: Split
    test: Split
    classes: tuple[str, ...]
    mean: Tensor
    std: Tensor
    partition: Partition
    encoder: TableEncoder | None = None

    @property
    def fingerprint(self) -> str:
        """sha256 of the raw data, 64 hex digits."""
        return self.partition.fingerprint

    @property
    def seed(self) -> int:
        """Seed of the split."""
        return self.partition.seed

    @property
    def indices(self) -> dict[str, np.ndarray]:
        """`{"train": ..., "valid": ..., "test": ...}`: int64 positions in the source."""
        return self.partition.indices

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(C, H, W) or (F,)."""
        return tuple(self.train.x.shape[1:])

    @property
    def in_channels(self) -> int:
        """C or F."""
        return self.input_shape[0]

    @property
    def image_size(self) -> int:
        """Shorter side in pixels; 1 for a table."""
        return min(self.input_shape[1:], default=1)

    def normalizer(self) -> Normalize:
        """The layer that turns raw input into what a network was trained on."""
        return Normalize(self.mean, self.std, self.kind)

    def raw(self) -> Splits:
        """The same data for a network that normalises by itself: batches are in raw units."""
        parts = {part: getattr(self, part).raw() for part in ("train", "valid", "test")}
        return dataclasses.replace(self, mean=torch.zeros_like(self.mean), std=torch.ones_like(self.std), **parts)

    def save(self, path: str | Path) -> None:
        """Store the split (indices, fingerprint, seed; not the data) as `.npz`, for `load(..., indices=path)`."""
        self.partition.save(path)

    def to(self, device: torch.device | str) -> Splits:
        """The same data on `device`."""
        parts = {part: getattr(self, part).to(device) for part in ("train", "valid", "test")}
        return dataclasses.replace(self, **parts)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.input_shape))
        sizes = f"{len(self.train)} train, {len(self.valid)} valid, {len(self.test)} test"
        return f"Splits({self.name!r}: {self.kind} {shape}, {len(self.classes)} classes, {sizes})"
