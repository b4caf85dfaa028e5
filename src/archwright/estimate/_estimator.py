"""The abstract estimator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from archwright.space import Arch
from archwright.trial import Report


class Estimator(ABC):
    """From an architecture to metrics, as a stream of reports of which the last one is the result.

    A subclass is final. Reports before the last let a strategy stop a trial early and let learning-curve methods read
    the curve. A report of costs alone comes first, so that a limit is checked before anything is trained.
    """

    source: str
    """What kind of number it gives: `"trained"`, `"shared-weights"`, `"table"`, ..."""

    objective: str = "accuracy"
    """Metric that says how good an architecture is: what a run improves that names no objective."""

    shared: bool = False
    """Whether it looks at the weights of a supernet, which then must be trained before."""

    budget: float | None = None
    """What it spends on an architecture by default, on its own scale (epochs, ...); None if it takes no budgets."""

    budgets: tuple[float, ...] = ()
    """The only budgets it takes, increasing; empty: any."""

    @abstractmethod
    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        """Evaluate `arch`.

        Args:
            arch: a member of the space.
            budget: how much to spend, on the estimator's own scale (epochs, ...); None means its default.
            seed: of everything random in the evaluation; the same seed gives the same reports.
        """
