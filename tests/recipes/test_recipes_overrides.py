"""`key.sub=value` on recipes."""

import pytest

from archwright.errors import UserError
from archwright.recipes._overrides import override

RECIPE = {
    "seed": 0,
    "phases": [
        {"train-supernet": {"trainer": {"epochs": 60}}},
        {"search": {"strategy": "nsga2", "trials": 200}},
        "choose",
        {"report": None},
    ],
}


def _phase(recipe, index):
    return recipe["phases"][index]


def test_top_level_and_yaml_values():
    changed = override(RECIPE, ["seed=3", "objectives=[accuracy, params]", "lr=1e-3", "net="])
    assert (changed["seed"], changed["objectives"], changed["lr"], changed["net"]) == (
        3,
        ["accuracy", "params"],
        1e-3,
        None,
    )


def test_phase_by_name():
    assert _phase(override(RECIPE, ["phases.search.trials=50"]), 1)["search"]["trials"] == 50


def test_list_element_by_number():
    assert _phase(override(RECIPE, ["phases.1.search.trials=50"]), 1)["search"]["trials"] == 50
    assert _phase(override(RECIPE, ["phases.2=export"]), 2) == "export"


def test_levels_are_created():
    changed = override(RECIPE, ["phases.choose.rule.x=1", "phases.report.title=hello", "limits.params=40k"])
    assert _phase(changed, 2) == {"choose": {"rule": {"x": 1}}}
    assert _phase(changed, 3) == {"report": {"title": "hello"}}
    assert changed["limits"] == {"params": "40k"}


def test_bare_name_of_a_part_opens():
    changed = override(RECIPE, ["phases.search.strategy.nsga2.population=8"])
    assert _phase(changed, 1)["search"]["strategy"] == {"nsga2": {"population": 8}}


def test_the_recipe_itself_is_left_alone():
    override(RECIPE, ["phases.train-supernet.trainer.epochs=1"])
    assert RECIPE["phases"][0]["train-supernet"]["trainer"]["epochs"] == 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seed", "not of the form key.sub=value"),
        ("phases..x=1", "not of the form key.sub=value"),
        ("=1", "not of the form key.sub=value"),
        ("phases.serch.trials=5", "no element 'serch'; did you mean 'search'"),
        ("phases.9.trials=5", "no element 9, the list has 4"),
        ("seed.sub=1", "0 has no 'sub' below it"),
        ("phases.search.strategy.random.x=1", "'nsga2' has no 'random' below it"),
        ("seed=[1", "not YAML"),
    ],
)
def test_wrong_ways(change, message):
    with pytest.raises(UserError, match=message.replace("[", r"\[")):
        override(RECIPE, [change])


def test_a_name_that_stands_twice_needs_its_number():
    twice = {"phases": [{"train": {}}, {"search": {}}, {"train": {}}]}
    with pytest.raises(UserError, match="'train' stands 2 times in the list; use its number: 0 or 2"):
        override(twice, ["phases.train.epochs=5"])
    assert override(twice, ["phases.2.train.epochs=5"])["phases"][2] == {"train": {"epochs": 5}}
