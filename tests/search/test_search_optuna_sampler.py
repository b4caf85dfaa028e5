"""Our strategies as Optuna samplers; Optuna's own contract is in test_search_optuna_contract.py."""

import pickle
from collections import Counter
from collections.abc import Iterator

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.samplers import BaseSampler, RandomSampler

from archwright.errors import UserError
from archwright.search import NSGA2, OptunaSampler, RegularizedEvolution, distributions
from archwright.space import Arch, Ordinal, Space


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(level)


def sphere(trial: optuna.Trial) -> float:
    return sum((trial.suggest_int(f"x{i}", -20, 20) - 7) ** 2 for i in range(4))


def optimise(sampler: BaseSampler, trials: int = 150) -> optuna.Study:
    study = optuna.create_study(sampler=sampler)
    study.optimize(sphere, n_trials=trials)
    return study


def test_evolution_beats_random_in_optuna() -> None:
    sampler = OptunaSampler(RegularizedEvolution, population=20, sample=5, seed=0)
    assert optimise(sampler).best_value < optimise(RandomSampler(seed=0)).best_value


def test_seeded_runs_repeat() -> None:
    runs = [optimise(OptunaSampler("nsga2", population=8, seed=3), 40) for _ in range(2)]
    assert [t.params for t in runs[0].trials] == [t.params for t in runs[1].trials]


def test_a_new_sampler_continues_like_the_old_one() -> None:
    whole = optimise(OptunaSampler("regularized-evolution", population=8, sample=3, seed=3), 40)
    parts = optimise(OptunaSampler("regularized-evolution", population=8, sample=3, seed=3), 25)
    parts.sampler = OptunaSampler("regularized-evolution", population=8, sample=3, seed=3)
    parts.optimize(sphere, n_trials=15)
    assert [t.params for t in parts.trials] == [t.params for t in whole.trials]


def test_a_declared_space_with_conditions_and_constraints(mixed: Space) -> None:
    known = distributions(mixed)
    seen = []

    def objective(trial: optuna.Trial) -> float:
        values = {"op": trial.suggest_categorical("op", known["op"].choices)}  # type: ignore[attr-defined]
        values["rate"] = trial.suggest_float("rate", 1e-4, 1.0, log=True)
        if values["op"] == "conv":
            values["width"] = trial.suggest_int("width", 16, 48, step=16)
            values["kernel"] = trial.suggest_categorical("kernel", known["kernel"].choices)  # type: ignore[attr-defined]
        seen.append(values)
        return float(values.get("width", 0))

    study = optuna.create_study(sampler=OptunaSampler("nsga2", space=mixed, seed=0, population=6), direction="maximize")
    study.optimize(objective, n_trials=30)
    assert all(values in mixed for values in seen), "even the first trial comes from the strategy"
    assert study.best_value == 48


def test_several_objectives_and_constraints() -> None:
    made: list[NSGA2] = []

    def factory(space: Space, **settings: object) -> NSGA2:
        made.append(NSGA2(space, **settings))  # type: ignore[arg-type]
        return made[-1]

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        x, y = trial.suggest_int("x", 0, 30), trial.suggest_int("y", 0, 30)
        trial.set_constraint("sum", x + y - 8.0)
        return x, y

    sampler = OptunaSampler(factory, seed=0, population=10)
    study = optuna.create_study(sampler=sampler, directions=["maximize", "minimize"])
    study.optimize(objective, n_trials=150)
    strategy = made[-1]
    assert [o.maximise for o in strategy.objectives] == [True, False]
    assert strategy.limits == {"constraint:sum": 0.0}
    feasible = {tuple(t.params.values()) for t in study.trials if max(t.constraints.values()) <= 0}
    assert len(feasible) > 13, "7 +- 3 by chance; Optuna's own NSGA-II finds 10 to 16"


def test_failed_and_pruned_trials_are_told() -> None:
    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_int("x", 0, 30)
        if trial.number % 5 == 2:
            raise optuna.TrialPruned
        if trial.number % 5 == 3:
            raise ArithmeticError
        return x

    sampler = OptunaSampler("regularized-evolution", population=5, sample=2, seed=0)
    study = optuna.create_study(sampler=sampler)
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    study.optimize(objective, n_trials=30, catch=(ArithmeticError,))
    assert sampler._session is not None
    assert sampler._session.strategy.told == 29


def test_trials_of_another_range_are_left_out() -> None:
    sampler = OptunaSampler("random", seed=0)
    study = optuna.create_study(sampler=sampler)
    study.add_trial(optuna.create_trial(params={"x": 3}, distributions={"x": IntDistribution(0, 5)}, value=1.0))
    study.add_trial(optuna.create_trial(params={"x": 3}, distributions={"x": IntDistribution(0, 9)}, value=1.0))
    space = {"x": IntDistribution(0, 9)}
    trial = study.ask()
    sampler.sample_relative(study, study._storage.get_trial(trial._trial_id), dict(space))
    assert sampler._session is not None
    assert sampler._session.strategy.told == 1


def test_pickles_with_its_settings() -> None:
    study = optimise(OptunaSampler("nsga2", population=4, seed=1), 10)
    copy = pickle.loads(pickle.dumps(study.sampler))
    assert copy.settings == {"population": 4}
    study.sampler = copy
    study.optimize(sphere, n_trials=3)
    assert len(study.trials) == 13


def test_reseeding_changes_what_comes_next() -> None:
    sampler = OptunaSampler("random", seed=1)
    study = optimise(sampler, 3)
    before = sampler._seed
    sampler.reseed_rng()
    assert sampler._seed != before
    study.optimize(sphere, n_trials=2)


def test_unknown_strategy() -> None:
    with pytest.raises(UserError, match="unknown strategy 'nsga'"):
        optimise(OptunaSampler("nsga"), 3)


def test_arch_values_are_plain(flat: Space) -> None:
    sampler = OptunaSampler("random", space=flat, seed=0)
    study = optuna.create_study(sampler=sampler)
    params = study.ask(distributions(flat)).params
    assert Arch(params) in flat


def test_budgets_stand_in_the_attributes_of_a_trial() -> None:
    def objective(trial: optuna.Trial) -> float:
        return sphere(trial) / trial.user_attrs["budget"]

    space = Space([Ordinal(f"x{i}", tuple(range(-20, 21))) for i in range(4)])
    runs = []
    for parts in ([40], [13, 27]):
        study = optuna.create_study()
        for n_trials in parts:
            study.sampler = OptunaSampler("hyperband", space=space, seed=1, max_budget=9)
            study.optimize(objective, n_trials=n_trials)
        runs.append([(t.params, t.user_attrs["budget"]) for t in study.trials])
    assert runs[0] == runs[1]
    assert Counter(budget for _, budget in runs[0]) == {1: 18, 3: 12, 9: 10}
