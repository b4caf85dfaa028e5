"""What one quantised layer learns from: the full-precision output of the layer it stands for."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.compress._activations import Activations
from archwright.compress._quantised import Quantised
from archwright.compress._trace import Layer
from archwright.errors import UserError

LOOKS = 20
"""Times that the held-out batch is looked at."""
_HELD_OUT = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Steps:
    """How long a layer learns.

    Args:
        iterations: steps of Adam, at least 1.
        batch_size: samples of a step.
        positions: outputs of a convolution that a step looks at, over all its samples: a window at a random place, as
            neighbours say much the same; None: every position, as published.

    Raises:
        UserError: a setting out of range.
    """

    iterations: int = 1000
    batch_size: int = 50
    positions: int | None = 4096

    def __post_init__(self) -> None:
        for name in ("iterations", "batch_size", "positions"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"{name} must be at least 1, got {value}")


@final
class Reconstruction:
    """Batches and losses of one layer, and the best state of it on a held-out batch, the first one included.

    Args:
        layer: quantised; changed in place by whoever optimises it.
        original: with its full-precision weights.
        inputs: of the quantised layer, from the network as it is before it.
        targets: inputs of the original layer, from the full-precision network; the same samples.
        relu: whether a ReLU follows.
        steps: that it learns for.
        seed: of the batches.
    """

    def __init__(
        self,
        layer: Quantised,
        original: Layer,
        inputs: Activations,
        targets: Activations,
        *,
        relu: bool,
        steps: Steps,
        seed: int,
    ) -> None:
        self._layer, self._inputs, self._relu = layer, inputs, relu
        self._wanted = targets.mapped(lambda x: F.relu(original(x)) if relu else original(x))
        self._generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(inputs), generator=self._generator)
        cut = min(_HELD_OUT, len(order) // 4)
        self._held, self._rest = order[:cut] if cut else order, order[cut:]
        self._size, self._iterations = min(steps.batch_size, len(self._rest)), steps.iterations
        self._sides = self._sized(steps.positions)
        self.first = self._least = self._judged()
        self._best = copy.deepcopy(layer.state_dict())

    def loss(self) -> Tensor:
        """Mean squared error of a random batch."""
        index = self._rest[self._random(len(self._rest), self._size)]
        x, wanted, layer = self._inputs.rows(index), self._wanted.rows(index), self._layer.layer
        if not self._sides or isinstance(layer, nn.Linear):
            return self._distance(self._layer(x), wanted)
        sides = [p for p in reversed(layer.padding) if isinstance(p, int) for _ in range(2)]
        x = F.pad(x, sides)
        for axis, side in enumerate(self._sides, 2):
            start = int(self._random(wanted.shape[axis] - side + 1, 1))
            stride, kernel, dilation = (t[axis - 2] for t in (layer.stride, layer.kernel_size, layer.dilation))
            x = x.narrow(axis, start * stride, (side - 1) * stride + (kernel - 1) * dilation + 1)
            wanted = wanted.narrow(axis, start, side)
        return self._distance(self._layer.window(x), wanted)

    def due(self, step: int) -> bool:
        """Whether the held-out batch is looked at after step number `step`, from 0."""
        return (step + 1) % max(1, self._iterations // LOOKS) == 0 or step + 1 == self._iterations

    def look(self) -> None:
        """Keep the state of the layer if it is the best so far."""
        now = self._judged()
        if now < self._least:
            self._least, self._best = now, copy.deepcopy(self._layer.state_dict())

    def finish(self) -> float:
        """Put the best state into the layer, which learns no more; its error over that of the first state."""
        self._layer.load_state_dict(self._best)
        self._layer.requires_grad_(False)
        return self._least / self.first if self.first > 0 else 1.0

    def _sized(self, positions: int | None) -> tuple[int, ...]:
        """Sides of the window, none where the whole output is not larger."""
        layer = self._layer.layer
        if positions is None or isinstance(layer, nn.Linear) or isinstance(layer.padding, str):
            return ()
        shape = self._wanted.rows(torch.tensor([0])).shape[2:]
        side = math.ceil((positions / self._size) ** (1 / len(shape)))
        return tuple(min(side, n) for n in shape) if side < max(shape) else ()

    def _random(self, below: int, count: int) -> Tensor:
        return torch.randint(below, (count,), generator=self._generator)

    def _distance(self, found: Tensor, wanted: Tensor) -> Tensor:
        return F.mse_loss(F.relu(found) if self._relu else found, wanted)

    @torch.no_grad()
    def _judged(self) -> float:
        return float(self._distance(self._layer(self._inputs.rows(self._held)), self._wanted.rows(self._held)))
