"""Phase `search`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Annotated

from archwright.errors import Infeasible
from archwright.estimate import ESTIMATORS, Estimator, NetworkCosts, WithCosts
from archwright.registry import Part
from archwright.run._limits import missed
from archwright.run._phase import Phase
from archwright.run._state import State
from archwright.search import STRATEGIES, Strategy, pareto
from archwright.space import Arch
from archwright.study import InProcess, Processes, Study, check_budgets, offered
from archwright.trial import Trial, broken, comparable
from archwright.trial import objectives as parsed

Scorer = Callable[[Arch], float]
_TITLES = {"search": "candidate", "baseline": "random candidate"}
_SEEDS = {"search": 0, "baseline": 1_000_000}  # a strategy that starts at random must not start with the baseline


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search(Phase):
    """Search the space trial by trial; costs are known, and limits checked, before a candidate is judged.

    Args:
        strategy: how candidates are proposed.
        estimator: how they are judged.
        screen: what ranks the random pool of a strategy that begins with one, such as `area`.
        trials: candidates to judge.
        batch: candidates asked for at once, before any of them is judged. It decides what is proposed; 8 whatever the
            number of workers, so that the candidates do not depend on the machine.
        workers: processes that judge candidates; more than `batch` are never busy. 1 means this process.
        baseline: judge as many random candidates in the same way and within the same limits (at equal cost, if the
            strategy chooses budgets), so that the report can show what the strategy adds; they are never the answer.
        share: part of the run's minutes for this phase, in (0, 1].
    """

    strategy: Annotated[Part, "strategy"] = Part("strategy", "nsga2")
    estimator: Annotated[Part, "estimator"] = Part("estimator", "shared-weights")
    screen: Annotated[Part, "estimator"] = Part("estimator", "naswot")
    trials: int = 200
    batch: int = 8
    workers: int = 1
    baseline: bool = True
    share: float = 0.2

    def __post_init__(self) -> None:
        self._require("trials", "an integer of at least 1", self.trials >= 1)
        self._require("batch", "an integer of at least 1", self.batch >= 1)
        self._require("workers", "an integer of at least 1", self.workers >= 1)
        self._require("share", "in (0, 1]", 0 < self.share <= 1)

    def check(self, state: State) -> None:
        """Before anything is trained: whether the strategy can be built and the estimator takes its budgets.

        Raises:
            UserError: a setting out of range, or an estimator without budgets for a strategy that chooses them.
        """
        judge: Estimator = self.estimator.build(ESTIMATORS, net=state.net, splits=state.splits)
        strategy = self._strategy(state, self.strategy, judge, scorer=lambda arch: 0.0, seed=0)
        check_budgets(strategy, judge)

    def __call__(self, state: State) -> None:
        objectives, limits = parsed(state.objectives), state.search_limits
        names = ["params", "flops", *(n for n in state.limits if n not in ("params", "flops"))]
        costs = NetworkCosts(state.net, names, table=state.latency_table)
        judge = WithCosts(self.estimator.build(ESTIMATORS, net=state.net, splits=state.splits), costs)
        study = self._study(state, "search", self.strategy, judge, costs)
        if self.baseline:
            self._study(state, "baseline", Part("strategy", "random"), judge, costs, trials=_worth(study, judge))
        state.trials = study.trials
        finished = [t for t in state.trials if t.state == "complete"]
        front = pareto(finished, objectives, limits)
        if not front:
            raise Infeasible(missed(state.trials, limits))
        state.candidates = sorted(front, key=lambda t: objectives[0].loss(t.metrics))
        columns = [o.metric for o in objectives] + [n for n in ("params", "flops") if n not in state.objectives]
        rows = [[t.number, *(t.metrics.get(c, float("nan")) for c in columns)] for t in state.candidates]
        largest = state.candidates[0].budget
        told = f", {len(comparable(finished))} of them at the largest budget, {largest:.4g}" if largest else ""
        state.progress.table(f"Pareto set of {len(finished)} judged candidates{told}", ["trial", *columns], rows)

    def _strategy(self, state: State, part: Part, judge: Estimator, *, scorer: Scorer, seed: int) -> Strategy:
        """What proposes candidates; one that chooses budgets takes the estimator's where the recipe says none."""
        found: Strategy = part.build(
            STRATEGIES,
            space=state.net.space,
            objectives=parsed(state.objectives),
            limits=state.search_limits,
            seed=seed,
            scorer=scorer,
            **{name: value for name, value in offered(judge).items() if name not in part.settings},
        )
        return found

    def _study(
        self,
        state: State,
        name: str,
        strategy: Part,
        judge: WithCosts,
        costs: NetworkCosts,
        *,
        trials: int | None = None,
    ) -> Study:
        """One search of the space, run to the end of its budget."""
        total = trials or self.trials
        objectives, limits, space = parsed(state.objectives), state.search_limits, state.net.space
        seed = state.config.seed + _SEEDS[name]
        scorer = _Scorer(self.screen.build(ESTIMATORS, net=state.net, splits=state.splits), costs, limits, seed)
        study = Study(
            space,
            self._strategy(state, strategy, judge, scorer=scorer, seed=seed),
            judge,
            objectives=objectives,
            limits=limits,
            storage=state.folder / "study.db",
            name=name,
            seed=seed,
            batch=self.batch,
            first=[state.feasible] if state.feasible is not None and name == "search" else [],
            executor=Processes(self.workers) if self.workers > 1 else InProcess(),
        )

        def shown(study: Study, trial: Trial) -> None:
            state.progress.step(len(study.trials), total, f"{_TITLES[name]} {_line(trial)}")

        share = self.share / 2 if self.baseline else self.share
        return study.run(trials=total, minutes=state.minutes(share), callback=shown)


def _worth(study: Study, judge: Estimator) -> int:
    """Trials at the estimator's own budget that cost as much as those of `study`."""
    whole = judge.budget or 1.0
    return max(1, round(sum(1.0 if t.budget is None else t.budget / whole for t in study.trials)))


class _Scorer:
    """What `estimator` says of an architecture, higher better; NaN where a cost is over its limit."""

    def __init__(self, estimator: Estimator, costs: NetworkCosts, limits: Mapping[str, float], seed: int) -> None:
        self._estimator, self._costs, self._limits, self._seed = estimator, costs, limits, seed
        (self._objective,) = parsed([estimator.objective])

    def __call__(self, arch: Arch) -> float:
        if self._limits and broken(self._costs(arch), self._limits):
            return math.nan
        *_, last = self._estimator(arch, seed=self._seed)
        return -self._objective.loss(last.metrics)


def _line(trial: Trial) -> str:
    if trial.state != "complete":
        return f"{trial.number}: {trial.state}"
    return f"{trial.number}: " + ", ".join(f"{k} {v:.4g}" for k, v in trial.metrics.items())
