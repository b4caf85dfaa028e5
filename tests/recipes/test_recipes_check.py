"""Recipes become typed configurations; every mistake is found, placed and explained."""

import copy

import pytest

from archwright import parts, recipes
from archwright.errors import UserError
from archwright.recipes._overrides import override
from archwright.registry import Part

GOOD = {
    "recipe": "mine",
    "data": "digits",
    "space": {"convnet": {"width": 8}},
    "objectives": ["accuracy", "params"],
    "limits": {"params": "40k", "size": "1MB", "latency_ms": 3},
    "phases": [
        {"train-supernet": {"sampler": {"sandwich": {"random": 3}}, "trainer": {"epochs": 5}}},
        {"search": {"strategy": {"nsga2": {"population": 8, "rate": 1}}, "estimator": "shared-weights", "trials": 20}},
        "choose",
    ],
}


@pytest.fixture
def check(vocabulary):
    return lambda *changes, recipe=GOOD, data=None: recipes.check(
        override(recipe, changes), data=data, vocabulary=vocabulary
    )


@pytest.fixture
def effective(vocabulary):
    return lambda config: parts.effective(config, vocabulary=vocabulary)


def test_good_recipe_becomes_typed(check):
    config = check()
    assert config.space == Part("space", "convnet", {"width": 8})
    assert config.objectives == ("accuracy", "params")
    assert config.limits == {"params": 40e3, "size": 1e6, "latency_ms": 3.0}
    train, search, choose = config.phases
    assert search.settings["strategy"] == Part("strategy", "nsga2", {"population": 8, "rate": 1.0})
    assert search.settings["estimator"] == Part("estimator", "shared-weights", {})
    assert train.settings["sampler"].settings == {"random": 3}
    assert choose == Part("phase", "choose", {})


def test_settings_not_named_keep_the_default_of_the_phase(check):
    trainer = check().phases[0].settings["trainer"]
    assert (trainer.epochs, trainer.lr) == (5, 0.2), "epochs from the recipe, lr from the phase and not from Trainer"


def test_data_argument_wins(check):
    assert check(data="cifar10").data == "cifar10"


def test_data_may_be_a_path(check, tmp_path):
    assert check(data=str(tmp_path)).data == str(tmp_path)


def test_parts_in_lists_and_mappings(check):
    config = check("phases.search.also=[random, {nsga2: {population: 4}}]", "phases.search.by_name={a: shared-weights}")
    assert [p.name for p in config.phases[1].settings["also"]] == ["random", "nsga2"]
    assert config.phases[1].settings["by_name"] == {"a": Part("estimator", "shared-weights", {})}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["phazes=[]"], "recipe: unknown key 'phazes'; did you mean 'phases'? Allowed: about, data"),
        (["phases.search.trails=5"], "phases.search: unknown key 'trails'; did you mean 'trials'"),
        (["phases.search.strategy.nsga2.populaton=5"],
         "phases.search.strategy.nsga2: unknown key 'populaton'; did you mean 'population'?"),
        (["phases.search.strategy.nsga2.seed=5"], "phases.search.strategy.nsga2: 'seed' is given by the run"),
        (["phases.search.strategy=nsga"],
         "phases.search.strategy: unknown strategy 'nsga'; did you mean 'nsga2'? Allowed: nsga2, random"),
        (["phases.2=chose"], "phases: unknown phase 'chose'; did you mean 'choose'?"),
        (["space=convnett"], "space: unknown space 'convnett'; did you mean 'convnet'?"),
        (["phases.search.trials=fast"], "phases.search.trials: expected a whole number, got 'fast' (text)"),
        (["phases.search.trials=1.5"], "phases.search.trials: expected a whole number, got 1.5"),
        (["phases.search.trials=true"],
         "phases.search.trials: expected a whole number, got True (true or false)"),
        (["phases.search.estimator.shared-weights.exact=1"],
         "phases.search.estimator.shared-weights.exact: expected true or false, got 1"),
        (["phases.search.estimator.shared-weights.batches='4'"], "batches: expected a whole number, got '4' (text)"),
        (["phases.train-supernet.trainer.lr=high"],
         "phases.train-supernet.trainer.lr: expected a number, got 'high' (text)"),
        (["phases.train-supernet.trainer.schedule=cosin"],
         "trainer.schedule: expected one of 'cosine', 'linear', got 'cosin'"),
        (["phases.train-supernet.trainer.betas=0.9"], "trainer.betas: expected a list (a number each), got 0.9"),
        (["phases.train-supernet.trainer.epochs=0"],
         "phases.train-supernet.trainer: epochs must be at least 1, got 0"),
        (["phases.train-supernet.trainer.epoch=1"],
         "phases.train-supernet.trainer: unknown key 'epoch'; did you mean 'epochs'?"),
        (["phases.train-supernet.trainer=5"], "phases.train-supernet.trainer: expected a mapping of settings, got 5"),
        (["phases.search.strategy={nsga2: {}, random: {}}"],
         "phases.search.strategy: one strategy expected, got 2: nsga2, random"),
        (["phases.search.strategy=[nsga2]"],
         "phases.search.strategy: expected the name of a strategy, or name: {settings}"),
        (["phases.1={search: {}}"], "phases.search: 'strategy' is missing"),
        (["phases=choose"], "phases: expected a list, one phase each, got 'choose'"),
        (["phases=[]"], "phases: a recipe needs at least one"),
        (["space.convnet.kernels=[3, x]"], "space.convnet.kernels: expected a list (a whole number each)"),
        (["phases.search.strategy.nsga2.key=len"],
         "phases.search.strategy.nsga2.key: cannot be set from a recipe, only in Python"),
        (["objectives=[accuracy, beauty]"], "objective 'beauty' has no known direction"),
        (["objectives=accuracy"], "objectives: expected a list (text each), got 'accuracy' (text)"),
        (["limits.latency=5"],
         "limits.latency: not a metric that can have an upper bound; did you mean 'latency_ms'?"),
        (["limits.accuracy=5"], "limits.accuracy: not a metric that can have an upper bound"),
        (["limits.params=4MB"], "a limit of params is a number above 0 like 150k or 1.5M, got '4MB'"),
        (["phases.train-supernet.trainer.augment=5"], "trainer.augment: expected text, got 5"),
        (["phases.train-supernet.sampler.sandwich.random=-1"], "sampler.sandwich: random must be at least 0, got -1"),
        (["minutes=0"], "minutes: must be above 0, got 0"),
        (["seed=-1"], "seed: must be at least 0, got -1"),
        (["net=os"], "net: expected package.module:function, got 'os'"),
        (["data=digit"], "unknown data 'digit': no such name, no such path; did you mean 'digits'?"),
        (["data=null"], "no data; name one of cifar10, digits, or a path"),
    ],
)  # fmt: skip
def test_every_mistake_is_placed_and_explained(check, changes, message):
    with pytest.raises(UserError) as error:
        check(*changes)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_phase_that_stands_twice_is_named_with_its_number(check):
    twice = {**GOOD, "phases": ["choose", {"search": {"strategy": "random"}}, {"search": {"strategy": "rand"}}]}
    with pytest.raises(UserError, match=r"^phases\.2\.search\.strategy: unknown strategy 'rand'|^phases\.2\.strategy"):
        check(recipe=twice)


def test_limit_on_an_own_objective_is_allowed(check):
    assert check("objectives=[accuracy, 'min:joules']", "limits.joules=5").limits["joules"] == 5.0


def test_effective_shows_every_default(check, effective):
    plain = effective(check())
    assert plain["space"] == {"convnet": {"width": 8, "kernels": [3, 5]}}
    assert plain["phases"][0]["train-supernet"]["trainer"] == {
        "epochs": 5, "lr": 0.2, "schedule": "cosine", "betas": [0.9, 0.999], "augment": "auto",
    }  # fmt: skip
    assert plain["phases"][1]["search"]["strategy"] == {"nsga2": {"population": 8, "rate": 1.0}}, (
        "functions stay unsaid"
    )
    assert plain["seed"] == 0
    assert plain["limits"] == {"params": 40e3, "size": 1e6, "latency_ms": 3.0}


def test_effective_of_defaults_only(check, effective):
    plain = effective(check(recipe={"data": "digits", "phases": ["train-supernet"]}))
    assert plain["phases"] == [
        {"train-supernet": {
            "sampler": {"sandwich": {"random": 2}},
            "trainer": {"epochs": 60, "lr": 0.2, "schedule": "cosine", "betas": [0.9, 0.999], "augment": "auto"},
        }}
    ]  # fmt: skip


@pytest.mark.parametrize("through_yaml", [False, True])
def test_round_trip(check, effective, through_yaml, tmp_path):
    plain = effective(check("phases.search.also=[random]", "phases.search.table=a.csv"))
    again = copy.deepcopy(plain)
    if through_yaml:
        file = tmp_path / "config.yaml"
        file.write_text(recipes.dump(plain))
        again = recipes.read(file)
    assert again == plain
    assert effective(check(recipe=again)) == plain
