"""One augmentation after another."""

from __future__ import annotations

import dataclasses

from torch import Generator, Tensor

from archwright.data._batches import Augment


@dataclasses.dataclass(frozen=True)
class Compose:
    """Applies `steps` in order, all drawing from the same generator."""

    steps: tuple[Augment, ...]

    def __call__(self, x: Tensor, generator: Generator) -> Tensor:
        for step in self.steps:
            x = step(x, generator)
        return x
