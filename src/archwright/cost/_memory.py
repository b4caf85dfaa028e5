"""Peak memory of activations."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from archwright.cost._mode import example, inference


def peak_memory(module: nn.Module, input: Tensor | Sequence[int]) -> int:  # noqa: A002
    """Most bytes of tensors alive at once in one forward pass in eval mode; parameters and buffers excluded.

    Counts the input and every result of an operation until PyTorch frees it, so a module that keeps its input for a
    shortcut pays for it. Scratch space inside a kernel is not seen. For a chain of layers this is the largest sum of
    two neighbouring activations, plus the input if the caller still holds it, as it does here.

    Args:
        module: any module.
        input: a tensor or its shape, batch first.
    """
    x = example(module, input)
    with inference(module), _Tracker([*module.parameters(), *module.buffers()]) as tracker:
        tracker.add(x)
        module(x)
    return tracker.peak


class _Tracker(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows storages from the operation that makes them to their end."""

    def __init__(self, known: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = 0
        self.peak = 0
        self._seen = weakref.WeakSet[torch.UntypedStorage]()
        for tensor in known:
            self._seen.add(tensor.untyped_storage())

    def add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage in self._seen:
            return
        self._seen.add(storage)
        size = storage.nbytes()
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._free, size)

    def _free(self, size: int) -> None:
        self.live -= size

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self.add(leaf)
        return result
