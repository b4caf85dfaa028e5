"""Batches without regard to what is pending."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from archwright.search.batches._batch import Batch
from archwright.space import Arch

if TYPE_CHECKING:
    from archwright.search._surrogate import Surrogate


@final
class Independent(Batch):
    """Pending architectures are only left out. Meant for Thompson sampling, whose draws differ by themselves."""

    def surrogate(self, surrogate: Surrogate, pending: Sequence[Arch]) -> Surrogate:
        return surrogate
