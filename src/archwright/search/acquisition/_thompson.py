"""Thompson sampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from archwright.search.acquisition._acquisition import Acquisition
from archwright.space import Arch

if TYPE_CHECKING:
    from archwright.search._surrogate import Surrogate


@final
class Thompson(Acquisition):
    """Minus one joint draw of the posterior at the given architectures (Thompson 1933).

    Every call draws anew, so candidates should be made in one go. Batches differ by themselves.
    """

    def __call__(self, surrogate: Surrogate, archs: Sequence[Arch], rng: np.random.Generator) -> NDArray[np.float64]:
        return -surrogate.sample(archs, rng)
