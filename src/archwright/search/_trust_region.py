"""Trust regions in Hamming distance and in a box."""

from __future__ import annotations

import dataclasses
from typing import final

from archwright.errors import UserError

SHRINK = 1.5
NARROWEST = 2.0**-7
WIDEST = 1.6


@final
@dataclasses.dataclass(slots=True)
class TrustRegion:
    """How far from the best an architecture may lie, and the counts that change it.

    Wan et al. (2021), section 3.2; Eriksson et al. (2019), TuRBO. `successes` in a row widen it by 1.5 and `failures`
    in a row narrow it, after which the counts start again.

    Args:
        hamming: most choices that may differ, at least 2.
        widest: most that `hamming` grows to.
        box: side of the box of `Real` positions.
        successes: in a row before it widens.
        failures: in a row before it narrows.
        choices: whether there are choices; without them `hamming` does not count.
        numbers: whether there are `Real` variables; without them `box` does not count.

    Raises:
        UserError: a setting out of range.
    """

    hamming: int = 20
    widest: int = 30
    box: float = 0.8
    successes: int = 3
    failures: int = 40
    choices: bool = True
    numbers: bool = False
    _won: int = dataclasses.field(default=0, init=False)
    _lost: int = dataclasses.field(default=0, init=False)

    def __post_init__(self) -> None:
        if not 2 <= self.hamming <= self.widest:
            raise UserError(f"hamming must be from 2 to widest={self.widest}, got {self.hamming}")
        if not NARROWEST < self.box <= WIDEST:
            raise UserError(f"box must be above {NARROWEST} and at most {WIDEST}, got {self.box}")
        if min(self.successes, self.failures) < 1:
            raise UserError(f"successes and failures must be at least 1, got {self.successes} and {self.failures}")

    @property
    def collapsed(self) -> bool:
        """Whether it is time for a restart: one choice, or a box of side 2^-7, is left."""
        return (self.choices and self.hamming <= 1) or (self.numbers and self.box <= NARROWEST)

    def count(self, success: bool) -> None:
        """Take note of one trial."""
        self._won, self._lost = (self._won + 1, 0) if success else (0, self._lost + 1)
        if self._won == self.successes:
            self.hamming = min(int(SHRINK * self.hamming), self.widest)
            self.box = min(SHRINK * self.box, WIDEST)
        elif self._lost == self.failures:
            self.hamming = int(self.hamming / SHRINK)
            self.box = max(self.box / SHRINK, NARROWEST)
        else:
            return
        self._won = self._lost = 0
