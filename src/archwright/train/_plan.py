"""How many updates a training has: from its epochs, or from its minutes once the speed is known."""

from __future__ import annotations

import dataclasses
import math

PROBE = 3  # updates between two looks at the clock; fewer say little about the speed


@dataclasses.dataclass
class Plan:
    """The length of a training in updates of the optimiser; the last epoch may be a part of one.

    Args:
        updates_per_epoch: at least 1.
        most: epochs at most, may be `math.inf`.
        evaluate_every: epochs between evaluations.
        fixed: whether `most` is the length; otherwise `updates` is set when the speed is known.
    """

    updates_per_epoch: int
    most: float
    evaluate_every: int
    fixed: dataclasses.InitVar[bool]
    updates: int | None = dataclasses.field(default=None, init=False)

    def __post_init__(self, fixed: bool) -> None:
        if fixed:
            self.updates = round(self.most * self.updates_per_epoch)

    @property
    def epochs(self) -> float:
        """Length in epochs, `math.inf` while it is not known."""
        return math.inf if self.updates is None else self.updates / self.updates_per_epoch

    def ends(self, epoch: int) -> bool:
        """Whether `epoch` (from 0) is the last."""
        return self.updates is not None and (epoch + 1) * self.updates_per_epoch >= self.updates

    def fitting(self, done: int, left: float, *, update: float, evaluation: float) -> int:
        """Updates in all when `done` are made and `left` seconds remain, of which one update takes `update` and an
        evaluation `evaluation`."""
        usual = update + evaluation / (self.evaluate_every * self.updates_per_epoch)
        fits = done + max(0, int((left - evaluation) / usual))
        return int(min(fits, self.most * self.updates_per_epoch))
