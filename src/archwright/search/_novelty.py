"""Not proposing an architecture twice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from archwright.space import Arch, Space

_DRAWS = 32
_VISITS = 1024


class Novelty:
    """Remembers architectures and finds one not seen before, while the space has any.

    Args:
        space: where the architectures live.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self._seen: set[Arch] = set()

    def add(self, arch: Arch) -> None:
        """Count `arch` as seen."""
        self._seen.add(arch)

    def __contains__(self, arch: object) -> bool:
        return arch in self._seen

    def first(self, draw: Callable[[], Arch], rng: np.random.Generator) -> Arch:
        """The first unseen architecture of a bounded number of draws, else an unseen one near to the last draw.

        Returns a seen one only when the space is exhausted, or looks so from there. The result counts as seen.
        """
        for _ in range(_DRAWS):
            arch = draw()
            if arch not in self._seen:
                break
        else:
            arch = self._near(arch, rng)
        self._seen.add(arch)
        return arch

    def _near(self, start: Arch, rng: np.random.Generator) -> Arch:
        """A random one of the unseen architectures that are fewest changes away; `start` if none is found."""
        visited = {start}
        ring = [start]
        while ring and len(visited) < _VISITS:
            around = dict.fromkeys(a for here in ring for a in self.space.neighbours(here))
            ring = [a for a in around if a not in visited]
            fresh = [a for a in ring if a not in self._seen]
            if fresh:
                return fresh[int(rng.integers(len(fresh)))]
            visited.update(ring)
        return start
