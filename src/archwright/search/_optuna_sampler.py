"""A strategy as an Optuna sampler."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from archwright.errors import UserError
from archwright.search._distributions import distributions, space_from_distributions, to_param, to_value
from archwright.search._registry import build
from archwright.search._strategy import Proposal, Strategy
from archwright.space import Arch, Space
from archwright.trial import Objective, Trial

_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "stopped", TrialState.FAIL: "failed"}
BUDGET = "budget"


@dataclasses.dataclass(slots=True)
class _Session:
    """A strategy on one search space of one study, and the trials that it has been told."""

    signature: tuple[Any, ...]
    strategy: Strategy
    told: set[int]


@final
class OptunaSampler(BaseSampler):
    """An `optuna.samplers.BaseSampler` whose proposals come from one of our strategies.

    The search space is the one given, or else the parameters that all complete trials of the study share (so the first
    trial is sampled at random). Constraints of the trials (`trial.set_constraint`) become limits. Finished trials are
    told in the order of their numbers as they come in; a new sampler on an old study is told all of them. The budget
    that a strategy such as Hyperband chooses stands in `trial.user_attrs["budget"]` after the first suggestion, for the
    objective to heed; Optuna's own `best_trial` compares trials of all budgets.

    Args:
        strategy: registered name, `Strategy` class, or function with the same arguments.
        space: architectures with conditions and constraints; the objective then suggests its active variables with the
            distributions of `distributions(space)`.
        seed: non-negative integer; None takes one from the operating system.
        **settings: passed on to the strategy.

    >>> study = optuna.create_study(sampler=OptunaSampler("regularized-evolution", population=20, sample=5))
    """

    def __init__(
        self,
        strategy: str | Callable[..., Strategy],
        *,
        space: Space | None = None,
        seed: int | None = None,
        **settings: Any,
    ) -> None:
        self.strategy = strategy
        self.space = space
        self.settings = settings
        self._seed = _fresh_seed() if seed is None else seed
        self._independent = RandomSampler(seed=seed)
        self._declared = {} if space is None else distributions(space)
        self._shared = IntersectionSearchSpace()
        self._session: _Session | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_lock", "_session")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _session=None)

    def reseed_rng(self) -> None:
        self._independent.reseed_rng()
        with self._lock:
            self._seed = _fresh_seed()
            self._session = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        known = self._declared or self._shared.calculate(study)
        return {name: distribution for name, distribution in known.items() if not distribution.single()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        with self._lock:
            finished = study.get_trials(deepcopy=False, states=tuple(_STATES))
            session = self._session_for(study.directions, search_space, finished)
            for other in finished:
                if other.number not in session.told:
                    session.told.add(other.number)
                    self._tell(session.strategy, other, search_space)
            proposal = session.strategy.ask()
        arch, budget = (proposal.arch, proposal.budget) if isinstance(proposal, Proposal) else (proposal, None)
        if budget is not None:
            study._storage.set_trial_user_attr(trial._trial_id, BUDGET, budget)
            trial.set_user_attr(BUDGET, budget)  # what the objective sees
        return {name: to_param(search_space[name], value) for name, value in arch.items() if name in search_space}

    def _session_for(
        self,
        directions: Sequence[StudyDirection],
        search_space: dict[str, BaseDistribution],
        finished: Sequence[FrozenTrial],
    ) -> _Session:
        constraints = sorted({key for t in finished for key in t.constraints})
        signature = (tuple(directions), tuple(search_space.items()), tuple(constraints))
        if self._session is None or self._session.signature != signature:
            runtime: dict[str, Any] = {
                "objectives": [Objective(f"value{i}", d == StudyDirection.MAXIMIZE) for i, d in enumerate(directions)],
                "limits": {f"constraint:{key}": 0.0 for key in constraints},
                "seed": self._seed,
                **self.settings,
            }
            space = space_from_distributions(search_space) if self.space is None else self.space
            if isinstance(self.strategy, str):
                strategy = build(self.strategy, space, **runtime)
            else:
                strategy = self.strategy(space, **runtime)
            self._session = _Session(signature, strategy, set())
        return self._session

    def _tell(self, strategy: Strategy, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> None:
        arch = self._arch(strategy.space, trial, search_space)
        if arch is None:
            return
        metrics = {f"value{i}": v for i, v in enumerate(trial.values or ())}
        metrics |= {f"constraint:{key}": v for key, v in trial.constraints.items()}
        state = _STATES[trial.state]
        budget = trial.user_attrs.get(BUDGET)
        strategy.tell(Trial(number=strategy.told, arch=arch, state=state, metrics=metrics, budget=budget))  # type: ignore[arg-type]

    def _arch(self, space: Space, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> Arch | None:
        """What `trial` evaluated, None where that is not a point of `space`."""
        known = self._declared or search_space
        shared = [name for name in trial.params if name in known and trial.distributions[name] == known[name]]
        values = {n: trial.params[n] if self._declared else to_value(known[n], trial.params[n]) for n in shared}
        try:
            return space.arch(values)
        except UserError:
            return None


def _fresh_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])
