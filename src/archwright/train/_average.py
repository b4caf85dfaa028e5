"""Exponential moving average of weights and buffers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import torch
from torch import Tensor, nn


class Average:
    """Keeps `average <- d average + (1 - d) weight` after each update, with `d = min(decay, (1 + t) / (10 + t))`.

    The growing `d` (t = updates so far; Abadi et al., TensorFlow's `ExponentialMovingAverage`) keeps the random
    initial weights from dominating a short run. Floating-point buffers (batch-norm statistics) are averaged too,
    integer ones copied. Averaging weights improves the network that is evaluated (Polyak and Juditsky 1992).

    Args:
        module: whose persistent tensors are averaged, on their present device.
        decay: in (0, 1).
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._live = persistent_tensors(module)
        self._kept = {name: tensor.clone() for name, tensor in self._live.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the module's present values in."""
        self.updates += 1
        weight = 1.0 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        floating = [name for name, tensor in self._live.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([self._kept[n] for n in floating], [self._live[n] for n in floating], weight)
        for name in self._live.keys() - set(floating):
            self._kept[name].copy_(self._live[name])

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the module's values with the kept ones, in place and without loss."""
        for name, live in self._live.items():
            before = live.clone()
            live.copy_(self._kept[name])
            self._kept[name].copy_(before)

    def state_dict(self) -> dict[str, Tensor]:
        """The kept tensors by name; valid as the average only while not swapped."""
        return dict(self._kept)

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        """Continue from stored values."""
        self.updates = updates
        for name, kept in self._kept.items():
            kept.copy_(tensors[name])


def persistent_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and persistent buffers of `module`, each once, as tensors that share its memory."""
    names = module.state_dict().keys()
    found = chain(module.named_parameters(), module.named_buffers())
    return {name: tensor.detach() for name, tensor in found if name in names}
