"""What goes into a layer, for all calibration samples."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor

LIMIT = 2 * 2**30
"""Bytes of activations that are kept in memory; more go to disk."""

_AT_ONCE = 100  # samples


def by_sample(x: Tensor, count: int) -> Tensor:
    """(count, ...): the axis of samples first, where attention has put it second or joined it with another."""
    if len(x) == count:
        return x
    if x.ndim > 2 and x.shape[1] == count:
        return x.transpose(0, 1)
    return x.reshape(count, -1, *x.shape[1:]) if len(x) % count == 0 else x


@final
class Activations:
    """Rows of one tensor, in memory up to `limit` bytes, beyond that in a file that goes with this object.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit, self._bytes = limit, 0
        self._parts: list[Tensor] = []
        self._joined: Tensor | None = None
        self._folder: Path | None = None

    @property
    def on_disk(self) -> bool:
        """Whether some of it is in a file."""
        return self._folder is not None

    @property
    def parts(self) -> int:
        """How many batches were added."""
        return len(self._parts)

    def add(self, x: Tensor) -> None:
        """Append a batch."""
        x = x.detach()
        self._bytes += x.numel() * x.element_size()
        if self._bytes > self._limit:
            x = self._written(x)
        self._parts.append(x)
        self._joined = None

    def _written(self, x: Tensor) -> Tensor:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="archwright-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / f"{len(self._parts)}.npy"
        np.save(path, x.cpu().contiguous().numpy())
        return torch.from_numpy(np.load(path, mmap_mode="r+"))

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def part(self, number: int) -> Tensor:
        """What was added, by number from 0."""
        return self._parts[number]

    @torch.no_grad()
    def mapped(self, function: Callable[[Tensor], Tensor]) -> Activations:
        """What `function` makes of every batch, under the same limit."""
        found = Activations(self._limit)
        for part in self._parts:
            for x in torch.split(part, _AT_ONCE):
                found.add(function(x))
        return found

    def by_sample(self, counts: Sequence[int]) -> Activations:
        """Rows that belong to one sample as one row, for inputs of a linear layer.

        Args:
            counts: samples of every batch.
        """
        if all(len(part) == count for part, count in zip(self._parts, counts, strict=True)):
            return self
        found = Activations(self._limit)
        for part, count in zip(self._parts, counts, strict=True):
            found.add(by_sample(part, count))
        return found

    def rows(self, index: Tensor) -> Tensor:
        """(len(index), ...) samples.

        Args:
            index: positions, int64.
        """
        if not self.on_disk:
            if self._joined is None:
                self._joined = torch.cat(self._parts)
                self._parts = list(torch.split(self._joined, [len(part) for part in self._parts]))
            return self._joined[index]
        ends = np.cumsum([len(part) for part in self._parts])
        where = np.searchsorted(ends, index.numpy(), side="right")
        starts = ends - [len(part) for part in self._parts]
        found = [self._parts[p][int(i - starts[p])] for p, i in zip(where.tolist(), index.tolist())]
        return torch.stack(found)
