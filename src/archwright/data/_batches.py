"""Mini-batches of a split: gathered, augmented, normalised; the order depends on (seed, epoch) only."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Generator, Tensor

from archwright.errors import UserError

if TYPE_CHECKING:
    from archwright.data._split import Split

Augment = Callable[[Tensor, Generator], Tensor]
"""Takes raw values (B, C, H, W) as stored (uint8 or float32) and a CPU generator; returns a batch of the same shape."""

_ORDER, _AUGMENT = 0, 1


def stream(seed: int, *key: int) -> Generator:
    """A CPU generator for the stream named by `key`: independent of every other key and of the global generators."""
    state = np.random.SeedSequence((seed, *key)).generate_state(1, np.uint64)[0]
    return Generator().manual_seed(int(state >> np.uint64(1)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batches:
    """One pass over a split. Iterating twice gives the same batches twice.

    Args:
        split: what to read.
        size: samples a batch.
        shuffle: draw a permutation from (seed, epoch); otherwise stored order.
        seed: of order and augmentation, at least 0.
        epoch: changes order and augmentation, at least 0.
        start: first batch to yield, to continue in the middle of an epoch; batches `start, start + 1, ...` are
            the same as in a pass from 0.
        augment: called on raw batches before normalisation; None leaves them alone.
        drop_last: leave out a last batch that is not full, unless it is the only one.
        normalise: subtract the mean and divide by the standard deviation of the split, where it has them.
        device: where batches are put; None means where the split is.
        workers: decoding processes of a streamed split; None means one a core, at most 8.

    Raises:
        UserError: a number is out of range.
    """

    split: Split
    size: int
    shuffle: bool = False
    seed: int = 0
    epoch: int = 0
    start: int = 0
    augment: Augment | None = None
    drop_last: bool = False
    normalise: bool = True
    device: torch.device | str | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("size", 1), ("seed", 0), ("epoch", 0), ("start", 0)):
            value = getattr(self, name)
            if value < least:
                raise UserError(f"batches: {name} must be at least {least}, got {value}")
        if self.start > self.steps:
            raise UserError(f"batches: start is {self.start} but an epoch has {self.steps} batches")

    @property
    def steps(self) -> int:
        """Batches in a whole epoch, whatever `start` is."""
        full, rest = divmod(len(self.split), self.size)
        return full + (rest > 0 and (not self.drop_last or full == 0))

    def __len__(self) -> int:
        """Batches that iteration yields."""
        return self.steps - self.start

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Pairs of x, float32 (B, C, H, W) or (B, F) or int64 as stored, and y, int64 (B,)."""
        chosen = torch.split(self._order(), self.size)[self.start : self.steps]
        mean, std = self._statistics()
        device = self.split.y.device if self.device is None else self.device
        for step, (index, x) in enumerate(
            zip(chosen, self.split.gather(chosen, self.workers), strict=True), self.start
        ):
            x = x.to(device, non_blocking=True)
            if self.augment is not None:
                x = self.augment(x, stream(self.seed, _AUGMENT, self.epoch, step))
            if mean is not None and std is not None:
                x = (x - mean).div_(std)
            elif x.dtype != torch.int64:
                x = x.to(torch.float32)
            yield x, self.split.y.index_select(0, index.to(self.split.y.device)).to(device, non_blocking=True)

    def _order(self) -> Tensor:
        n = len(self.split)
        return torch.randperm(n, generator=stream(self.seed, _ORDER, self.epoch)) if self.shuffle else torch.arange(n)

    def _statistics(self) -> tuple[Tensor, Tensor] | tuple[None, None]:
        mean, std = self.split.mean, self.split.std
        if not self.normalise or mean is None or std is None:
            return None, None
        shape = (1, -1, *(1,) * (len(self.split.x.shape) - 2))
        device = self.split.y.device if self.device is None else self.device
        return mean.to(device).view(shape), std.to(device).view(shape)
