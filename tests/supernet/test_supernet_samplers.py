"""Which architectures a training step visits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from supernet_networks import mixed

from archwright.errors import Infeasible
from archwright.space import Choice, Ordinal, Real, Space
from archwright.supernet import SAMPLERS, Sampler, Sandwich, Uniform, extreme

SPACE = Space(
    [
        Ordinal("depth", (1, 2, 3)),
        Ordinal("width1", (8, 16)),
        Ordinal("width2", (8, 16)),
        Ordinal("width3", (8, 16)),
        Choice("op", ("conv", "pool")),
    ],
    when={"width2": {"depth": [2, 3]}, "width3": {"depth": [3]}},
)


def constrained(where: Any) -> Space:
    return Space(SPACE.variables, when=SPACE.when, where=where)


def cost(arch: Mapping[str, Any]) -> int:
    return sum(value for name, value in arch.items() if name.startswith("width"))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_every_sampler_draws_members_and_follows_the_generator(name: str) -> None:
    sampler: Sampler = SAMPLERS.load(name)()
    space = constrained(lambda arch: cost(arch) <= 32)
    drawn = [arch for _ in range(10) for arch in sampler(space, rng(3))]
    assert drawn
    assert all(arch in space for arch in drawn)
    assert sampler(space, rng(3)) == sampler(space, rng(3))


def test_uniform_is_uniform_over_options() -> None:
    g = rng()
    depths = np.bincount([Uniform()(SPACE, g)[0]["depth"] for _ in range(3000)], minlength=4)[1:]
    assert np.abs(depths - 1000).max() < 4 * np.sqrt(3000 * 2 / 9)


def test_uniform_draws_as_many_paths_as_asked() -> None:
    assert len(Uniform(paths=3)(SPACE, rng())) == 3


@pytest.mark.parametrize("random", [0, 2])
def test_sandwich_is_the_largest_random_ones_and_the_smallest(random: int) -> None:
    first, *middle, last = Sandwich(random=random)(SPACE, rng())
    assert {**first, "op": None} == {"depth": 3, "width1": 16, "width2": 16, "width3": 16, "op": None}
    assert {**last, "op": None} == {"depth": 1, "width1": 8, "op": None}
    assert len(middle) == random


def test_unordered_choices_of_an_extreme_are_drawn_anew() -> None:
    g = rng()
    assert {extreme(SPACE, g, largest=True)["op"] for _ in range(30)} == {"conv", "pool"}


def test_extremes_of_a_supernet_bound_its_parameters() -> None:
    net, g = mixed(), rng()

    def params(arch: Any) -> int:
        return sum(p.numel() for p in net.slice(arch).parameters())

    low, high = params(extreme(net.space, g, largest=False)), params(extreme(net.space, g, largest=True))
    assert low < high
    assert high == sum(p.numel() for p in net.parameters())
    assert all(low <= params(net.space.sample(g)) <= high for _ in range(20))


def test_constraints_that_allow_the_extreme_do_not_matter() -> None:
    space = constrained(lambda arch: arch["op"] == "conv" or cost(arch) < 48)
    assert cost(extreme(constrained(lambda arch: True), rng(), largest=True)) == 48
    for seed in range(20):
        arch = extreme(space, rng(seed), largest=True)
        assert cost(arch) == (48 if arch["op"] == "conv" else 40)


@pytest.mark.parametrize("largest", [True, False])
def test_under_constraints_no_single_ordinal_can_go_further(largest: bool) -> None:
    space = constrained(lambda arch: 20 <= cost(arch) <= 36)
    ordinals = [v for v in space.variables if isinstance(v, Ordinal)]
    found = set()
    for seed in range(30):
        arch = extreme(space, rng(seed), largest=largest)
        assert arch in space
        found.add(cost(arch))
        for v in ordinals:
            if v.name in arch and v.name != "depth":
                further = [o for o in v.options if (o > arch[v.name] if largest else o < arch[v.name])]
                assert not any({**arch, v.name: o} in space for o in further)
    assert max(found) <= 36
    assert found <= ({32} if largest else {24, 32, 20})


def test_constraints_reach_through_conditional_variables() -> None:
    """Going deeper brings new variables with it; going shallower takes them away."""
    exactly = constrained(lambda arch: arch["depth"] != 3 or arch["width3"] == 8)
    deep = extreme(exactly, rng(), largest=True)
    assert deep["depth"] == 3
    assert deep["width3"] == 8
    assert (deep["width1"], deep["width2"]) == (16, 16)
    shallow = extreme(constrained(lambda arch: arch["depth"] > 1), rng(), largest=False)
    assert {**shallow, "op": None} == {"depth": 2, "width1": 8, "width2": 8, "op": None}


def test_real_variables_are_drawn() -> None:
    space = Space(
        [Ordinal("w", (1, 2)), Real("rate", 0.0, 1.0)], where=lambda arch: arch["rate"] < 0.9 or arch["w"] < 2
    )
    assert {extreme(space, rng(s), largest=True)["rate"] for s in range(5)}.__len__() == 5


def test_impossible_constraints_are_told() -> None:
    with pytest.raises(Infeasible):
        extreme(constrained(lambda arch: False), rng(), largest=True)
