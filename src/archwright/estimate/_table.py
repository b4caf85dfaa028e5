"""`Table`: architectures whose metrics are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archwright.errors import UserError
from archwright.estimate._estimator import Estimator
from archwright.space import Arch
from archwright.trial import Metrics, Report


class Table(Estimator):
    """Metrics looked up in a mapping.

    Args:
        entries: architecture, or its key, to named floats.
    """

    source = "table"

    def __init__(self, entries: Mapping[Arch, Metrics] | Mapping[str, Metrics]) -> None:
        self.entries: dict[object, Metrics] = dict(entries.items())
        self._by_key = isinstance(next(iter(self.entries), None), str)

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        entry = self.entries.get(arch.key if self._by_key else arch)
        if entry is None:
            raise UserError(f"the table has no entry for {dict(arch)}")
        yield Report(step=0, metrics=entry)
