"""What goes into a layer, for all calibration samples."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

LIMIT = 2 * 2**30
"""Bytes of activations that are kept in memory; more go to disk."""


class _Reached(Exception):  # noqa: N818  # no error
    """The layer was reached; the rest of the network is not needed."""


@final
class Activations:
    """Rows of one tensor, in memory up to `limit` bytes, beyond that in a file that goes with this object.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit, self._bytes = limit, 0
        self._parts: list[Tensor] = []
        self._folder: Path | None = None

    @property
    def on_disk(self) -> bool:
        """Whether some of it is in a file."""
        return self._folder is not None

    def add(self, x: Tensor) -> None:
        """Append a batch."""
        x = x.detach()
        self._bytes += x.numel() * x.element_size()
        if self._bytes > self._limit:
            x = self._written(x)
        self._parts.append(x)

    def _written(self, x: Tensor) -> Tensor:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="archwright-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / f"{len(self._parts)}.npy"
        np.save(path, x.cpu().contiguous().numpy())
        return torch.from_numpy(np.load(path, mmap_mode="r+"))

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def batches(self) -> Iterator[Tensor]:
        """As they were added."""
        yield from self._parts

    def rows(self, index: Tensor) -> Tensor:
        """(len(index), ...) samples.

        Args:
            index: positions, int64.
        """
        if len(self._parts) == 1:
            return self._parts[0][index]
        ends = np.cumsum([len(part) for part in self._parts])
        where = np.searchsorted(ends, index.numpy(), side="right")
        starts = ends - [len(part) for part in self._parts]
        found = [self._parts[p][int(i - starts[p])] for p, i in zip(where.tolist(), index.tolist())]
        return torch.stack(found)


@torch.no_grad()
def inputs_of(network: nn.Module, name: str, batches: Iterator[Tensor], *, limit: int = LIMIT) -> Activations:
    """What the submodule `name` gets, for all batches; the network is run no further than that.

    Args:
        network: in eval mode.
        name: of a submodule that is called once.
        batches: inputs of the network.
        limit: bytes kept in memory.
    """
    kept = Activations(limit)

    def keep(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        kept.add(args[0])
        raise _Reached

    handle = network.get_submodule(name).register_forward_pre_hook(keep)
    try:
        for x in batches:
            with contextlib.suppress(_Reached):
                network(x)
    finally:
        handle.remove()
    return kept
