"""The strongest by parameter size."""

from __future__ import annotations

import dataclasses
from typing import final

from archwright.gradient._derivation import Derivation, Session, answer, ranked
from archwright.gradient._relaxed import Relaxed
from archwright.space import Arch


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Magnitude(Derivation):
    """The likeliest option of every variable, and of every cell's node the two strongest inputs (Liu, Simonyan, Yang
    2019, DARTS, section 2.4)."""

    def __call__(self, relaxed: Relaxed, session: Session) -> Arch:
        return answer(relaxed, session, ranked(relaxed))
