"""Image files that are decoded when they are asked for."""

from __future__ import annotations

import dataclasses
import math
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from archwright.data._pixels import decode
from archwright.errors import UserError

_MOST_WORKERS = 8


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Images:
    """Looks like a uint8 tensor (N, C, H, W); the pixels stay on disk.

    Args:
        paths: N image files.
        size: (C, H, W) every file is decoded to: cut centrally to the aspect ratio, then resized. C is 1 or 3.
    """

    paths: Sequence[str]
    size: tuple[int, int, int]
    dtype = torch.uint8

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        return f"Images{self.shape}"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W)"""
        return len(self.paths), *self.size

    @property
    def nbytes(self) -> int:
        """What all would take in memory."""
        return math.prod(self.shape)

    def __getitem__(self, index: slice | Tensor | Sequence[int]) -> Tensor:
        """The decoded images at `index`, uint8 (n, C, H, W).

        Raises:
            UserError: a file is not a readable image.
        """
        positions = range(len(self))[index] if isinstance(index, slice) else [int(i) for i in index]
        return self._decode([self.paths[i] for i in positions], _cores())

    def subset(self, indices: Tensor | Sequence[int]) -> Images:
        """The same files in another order or fewer of them."""
        return Images([self.paths[int(i)] for i in indices], self.size)

    def stream(self, chosen: Sequence[Tensor], workers: int | None = None) -> Iterator[Tensor]:
        """The images at each of `chosen` indices, one tensor a batch, decoded ahead by `workers` processes.

        Raises:
            UserError: a file is not a readable image.
        """
        loader = DataLoader(
            _Batchwise(self),
            batch_sampler=[index.tolist() for index in chosen],
            collate_fn=_unchanged,
            num_workers=min(_workers(workers), len(chosen)),
            generator=torch.Generator(),  # the loader draws a seed for its workers: not from the global generator
        )
        for batch in loader:
            if isinstance(batch, UserError):
                raise batch
            yield batch

    def _decode(self, paths: Sequence[str], threads: int) -> Tensor:
        out = np.empty((len(paths), *self.size), np.uint8)

        def fill(i: int) -> None:
            out[i] = decode(paths[i], self.size)

        if threads <= 1 or len(paths) < 2:
            for i in range(len(paths)):
                fill(i)
        else:
            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(fill, range(len(paths))):
                    pass
        return torch.from_numpy(out)


class _Batchwise(Dataset[Tensor]):
    """What a worker runs: a list of positions -> one tensor. An unreadable file is returned, not raised, so that its
    message arrives in one line."""

    def __init__(self, images: Images) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def __getitems__(self, positions: list[int]) -> Tensor | UserError:
        try:
            return self._images._decode([self._images.paths[i] for i in positions], threads=1)
        except UserError as error:
            return error


def _unchanged(batch: Any) -> Any:
    return batch


def _cores() -> int:
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(usable, _MOST_WORKERS)


def _workers(asked: int | None) -> int:
    """Processes to start; a daemonic process (a worker of somebody else's pool) may not start any."""
    if multiprocessing.current_process().daemon:
        return 0
    return _cores() if asked is None else asked
