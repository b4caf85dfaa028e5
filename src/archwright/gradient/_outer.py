"""The architecture's own half of the training data."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import torch
from torch import Tensor

from archwright.data import Augment, Split, Splits
from archwright.errors import UserError


def halves(splits: Splits, share: float, seed: int) -> tuple[Splits, Split]:
    """The training part cut at random: what the weights learn from, and what the architecture learns from.

    Args:
        splits: data; validation and test parts are not touched.
        share: of the training part for the weights, in (0, 1).
        seed: of the cut.

    Raises:
        UserError: one side would be empty.
    """
    order = torch.randperm(len(splits.train), generator=torch.Generator().manual_seed(seed))
    first = round(share * len(order))
    if not 0 < first < len(order):
        raise UserError(f"{len(order)} training samples cannot be cut at share {share}")
    inner, outer = (splits.train.subset(part.sort().values) for part in (order[:first], order[first:]))
    return dataclasses.replace(splits, train=inner), outer


class OuterBatches:
    """An endless stream of batches, of which any can be asked for by number; asking in order is cheap.

    Args:
        split: samples.
        size: of a batch; at most all samples.
        seed: of the order.
        augment: of the images, or None.
        device: where they go.
    """

    def __init__(self, split: Split, size: int, *, seed: int, augment: Augment | None, device: torch.device) -> None:
        self._split, self._size, self._seed = split, min(size, len(split)), seed
        self._augment, self._device = augment, device
        self._next = -1
        self._stream: Iterator[tuple[Tensor, Tensor]] = iter(())

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        each = len(self._split) // self._size
        if number != self._next or number % each == 0:
            batches = self._split.batches(
                self._size,
                shuffle=True,
                drop_last=True,
                seed=self._seed,
                epoch=number // each,
                augment=self._augment,
                device=self._device,
            )
            self._stream = itertools.islice(batches, number % each, None)
        self._next = number + 1
        return next(self._stream)
