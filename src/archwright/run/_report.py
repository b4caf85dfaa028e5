"""Phase `report`."""

from __future__ import annotations

import dataclasses

from archwright.run._phase import Phase
from archwright.run._state import State


@dataclasses.dataclass(frozen=True, kw_only=True)
class WriteReport(Phase):
    """Write `summary.csv` and `report.html`."""

    def __call__(self, state: State) -> None:
        state.folder.write("report.html", "<html></html>")
