"""What every black-box strategy is."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import overload

import numpy as np

from archwright.errors import UserError
from archwright.search._streams import Streams
from archwright.space import Arch, Space
from archwright.trial import Objective, Report, Trial
from archwright.trial import objectives as parse_objectives


@dataclasses.dataclass(frozen=True, slots=True)
class Proposal:
    """An architecture to evaluate at a fidelity chosen by the strategy.

    Args:
        arch: what to evaluate.
        budget: on the estimator's scale (epochs, seconds, ...); None means the estimator's default.
    """

    arch: Arch
    budget: float | None = None


class Strategy(abc.ABC):
    """Proposes architectures (`ask`) and learns from finished trials (`tell`).

    A strategy keeps no random state: proposal number k draws from its own stream of the seed, and k is the larger of
    the number of proposals made and trials told. So a new instance that is told the finished trials in order proposes
    the same next architectures as the old one; that is how a run continues. A batch is asked for, then told in order.

    Subclasses implement `_propose` and `_observe`, and list their own settings in `settings`.

    Args:
        space: where to search.
        objectives: metrics to improve, the main one first: `"accuracy"`, `"min:error_rate"`, ...
        limits: upper limits on metrics.
        seed: non-negative integer.

    Raises:
        UserError: no objective, one of unknown direction, or a bad seed.
    """

    budgeted: bool = False
    """Whether it chooses the budget of each trial, so that the estimator must take budgets."""

    largest_budget: float | None = None
    """The largest it chooses, if it does: trials at this one are compared in the end."""

    curved: bool = False
    """Whether it ends trials by their reports, so that the estimator should give several."""

    def __init__(
        self,
        space: Space,
        *,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        self.space = space
        self.objectives = parse_objectives(objectives)
        self.limits = dict(limits or {})
        self.seed = seed
        self._streams = Streams(seed)
        self._asked = self._told = 0
        self._pending: list[Arch] = []

    @property
    def made(self) -> int:
        """Proposals made so far, counting every told trial as one; the number of the next proposal."""
        return self._asked if self._asked > self._told else self._told

    @property
    def told(self) -> int:
        """Trials told so far."""
        return self._told

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        """Own settings beside space, objectives, limits and seed: stored with a study, compared when it continues."""
        return {}

    @overload
    def ask(self, n: None = None) -> Arch | Proposal: ...

    @overload
    def ask(self, n: int) -> list[Arch | Proposal]: ...

    def ask(self, n: int | None = None) -> Arch | Proposal | list[Arch | Proposal]:
        """The next architecture, or the next `n` as a list.

        Raises:
            UserError: `n` below 1.
        """
        if n is None:
            return self._next()
        if n < 1:
            raise UserError(f"ask for at least one architecture, got n={n}")
        return self._batch(n)

    def _batch(self, n: int) -> list[Arch | Proposal]:
        """`n` proposals; overridden by strategies that choose them together."""
        return [self._next() for _ in range(n)]

    def _next(self) -> Arch | Proposal:
        number = self.made
        proposal = self._propose(self._streams[number])
        self._asked = number + 1
        self._pending.append(proposal.arch if isinstance(proposal, Proposal) else proposal)
        return proposal

    def skip_to(self, number: int) -> None:
        """Count the proposals before `number` as made; another strategy made those this one did not."""
        self._asked = max(self._asked, number)

    def tell(self, trial: Trial) -> None:
        """Learn from a finished trial of any state; trials are told in the order of their numbers."""
        self._told += 1
        self._pending.clear()
        self._observe(trial)

    def should_stop(self, trial: Trial, report: Report) -> bool:
        """Whether to end a running trial now that `report` has come in; `trial` holds everything before it."""
        return False

    @abc.abstractmethod
    def _propose(self, rng: np.random.Generator) -> Arch | Proposal:
        """Proposal number `self.made`, drawing from `rng` only."""

    @abc.abstractmethod
    def _observe(self, trial: Trial) -> None:
        """Take note of a trial; `self.told` counts it already. Uses no randomness."""
