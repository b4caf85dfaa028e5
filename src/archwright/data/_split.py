"""One part of a data set."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from archwright.data._batches import Batches
from archwright.data._images import Images
from archwright.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Samples with labels, in memory or streamed from image files.

    Args:
        x: raw values, uint8 or float32 (N, C, H, W), or float32 (N, F); int64 (N, length), ids of tokens, which batches
            give as they are; or `Images`, read from disk when batches ask.
            Both know `.shape` and `.dtype`, and `x[a:b]` is a tensor.
        y: int64 (N,), from 0.
        mean, std: float32 (C,) or (F,), in the units of x, applied by `batches`; None leaves x in raw units.

    Raises:
        UserError: x and y differ in length.
    """

    x: Tensor | Images
    y: Tensor
    mean: Tensor | None = None
    std: Tensor | None = None

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise UserError(f"x has {len(self.x)} samples but y has {len(self.y)} labels")

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        where = "streamed" if isinstance(self.x, Images) else f"{self.x.dtype}, {self.x.device}"
        return f"Split({tuple(self.x.shape)}, {where})"

    def batches(self, size: int, **options: Any) -> Batches:
        """One pass in batches of `size`: (x float32 normalised, y int64). Options are those of `Batches`.

        For training: `split.batches(64, shuffle=True, drop_last=True, seed=seed, epoch=epoch, augment=augment)`.
        """
        return Batches(split=self, size=size, **options)

    def subset(self, indices: Tensor) -> Split:
        """The samples at `indices` (int64), with the same normalisation."""
        x = self.x.subset(indices) if isinstance(self.x, Images) else self.x.index_select(0, indices.to(self.x.device))
        return dataclasses.replace(self, x=x, y=self.y.index_select(0, indices.to(self.y.device)))

    def raw(self) -> Split:
        """The same samples without normalisation."""
        return dataclasses.replace(self, mean=None, std=None)

    def to(self, device: torch.device | str) -> Split:
        """The same split on `device`, so that batches are gathered there. Streamed images stay on disk."""
        x = self.x if isinstance(self.x, Images) else self.x.to(device)
        mean, std = (None if s is None else s.to(device) for s in (self.mean, self.std))
        return Split(x, self.y.to(device), mean, std)

    def gather(self, chosen: Sequence[Tensor], workers: int | None = None) -> Iterator[Tensor]:
        """The raw values at each of `chosen` indices, one tensor a batch, each a copy."""
        if isinstance(self.x, Images):
            yield from self.x.stream(chosen, workers)
            return
        for index in chosen:
            yield self.x.index_select(0, index.to(self.x.device))
