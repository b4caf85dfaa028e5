"""BOHB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from archwright.registry import Part
from archwright.search.fidelity._kernel_density import KernelDensity
from archwright.search.fidelity._ladder import Plan, hyperband_bracket
from archwright.search.fidelity._synchronous import Synchronous
from archwright.space import Space
from archwright.trial import Objective


@final
class BOHB(Synchronous):
    """Hyperband whose new architectures come from kernel densities of the good and the bad ones.

    Falkner, Klein, Hutter, "BOHB: robust and efficient hyperparameter optimization at scale", ICML 2018. It is
    `Hyperband` with the base `KernelDensity`, which learns from the largest budget that has 2 (d + 1) results, d
    variables; settings as there. Promotion is by measured loss, never by the model. Unlike in the authors' code, the
    bandwidth of a category does not depend on how its options are numbered.

    Args:
        space: where to search.
        min_budget, max_budget, eta, budgets: as of `Hyperband`.
        random: share of new architectures that are drawn uniformly, in [0, 1].
        top: share of the results that count as good, in (0, 1).
        samples: candidates drawn for a proposal.
        widen: factor on the bandwidth that candidates are drawn with.
        min_bandwidth: smallest bandwidth, above 0. Authors: 0.001, 0.3 on tables.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.

    Raises:
        UserError: a setting out of range.
    """

    def __init__(
        self,
        space: Space,
        *,
        min_budget: float = 1.0,
        max_budget: float = 81.0,
        eta: float = 3.0,
        budgets: tuple[float, ...] | None = None,
        random: float = 1 / 3,
        top: float = 0.15,
        samples: int = 64,
        widen: float = 3.0,
        min_bandwidth: float = 1e-3,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        model = {"random": random, "top": top, "samples": samples, "widen": widen, "min_bandwidth": min_bandwidth}
        super().__init__(
            space,
            min_budget=min_budget,
            max_budget=max_budget,
            eta=eta,
            budgets=budgets,
            base=Part("strategy", "kernel-density", model),
            objectives=objectives,
            limits=limits,
            seed=seed,
        )

    @property
    def model(self) -> KernelDensity:
        """The densities, told as far as the last proposal needed."""
        strategy = self._learner.strategy
        assert isinstance(strategy, KernelDensity)
        return strategy

    @property
    def model_budget(self) -> float | None:
        """Budget whose results the next new architecture is drawn from; None before the first result."""
        return self._learner.budget

    def plan(self, number: int) -> Plan:
        most = len(self.rungs) - 1
        return hyperband_bracket(self.rungs, most - number % (most + 1), self.eta)
