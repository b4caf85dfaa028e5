"""The space of a network, read off its module tree."""

from __future__ import annotations

import pytest
import torch
from supernet_networks import mixed
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Choice, Ordinal
from archwright.supernet import Cell, Depth, ElasticLinear, OneOf, Supernet


def pair(name: str, a: nn.Module | None = None, b: nn.Module | None = None) -> OneOf:
    """A decision between `a` and `b`."""
    return OneOf(name, {"a": a or nn.Identity(), "b": b or nn.Identity()})


def test_variables_in_the_order_of_the_modules() -> None:
    assert mixed().space.names == (
        "width", "depth",
        "b0.expansion", "b0.kernel", "b1.expansion", "b1.kernel", "b2.expansion", "b2.kernel",
        "pool",
    )  # fmt: skip


def test_a_variable_in_a_deep_block_is_active_if_the_stack_is_deep_enough() -> None:
    assert mixed().space.when == {
        "b1.expansion": [{"depth": [2, 3]}],
        "b1.kernel": [{"depth": [2, 3]}],
        "b2.expansion": [{"depth": [3]}],
        "b2.kernel": [{"depth": [3]}],
    }


def test_a_variable_in_an_option_is_active_with_that_option() -> None:
    assert Supernet(pair("outer", a=pair("inner"))).space.when == {"inner": [{"outer": ["a"]}]}


def test_conditions_along_a_path_must_all_hold() -> None:
    deep = pair("x", b=pair("inner"))
    net = Supernet(Depth(Ordinal("depth", (0, 1, 2)), [nn.Identity(), deep]))
    assert net.space.when == {"x": [{"depth": [2]}], "inner": [{"depth": [2], "x": ["b"]}]}
    assert net.space.size == 2 + 1 + 2


def test_a_variable_in_several_branches_is_active_in_any_of_them() -> None:
    shared = Choice("shared", ("a", "b"))
    options = {name: OneOf(shared, {"a": nn.Identity(), "b": nn.Identity()}) for name in ("p", "q")}
    net = Supernet(OneOf("op", {**options, "r": nn.Identity()}))
    assert net.space.when == {"shared": [{"op": ["p", "q"]}]}


def test_branches_of_different_parents_are_alternatives() -> None:
    net = Supernet(nn.Sequential(pair("left", a=pair("shared")), pair("right", b=pair("shared"))))
    assert net.space.when == {"shared": [{"left": ["a"]}, {"right": ["b"]}]}
    assert net.space.size == 3 * 2 + 1  # only left=b, right=a has no `shared`
    x = torch.ones(1)
    assert torch.equal(net(x, {"left": "b", "right": "a"}), x)


def test_a_variable_that_is_also_used_outside_is_always_active() -> None:
    net = Supernet(nn.Sequential(pair("op", a=pair("shared")), pair("shared")))
    assert net.space.when == {}


def test_a_choice_inside_its_own_option_is_not_its_own_condition() -> None:
    assert Supernet(pair("op", a=pair("op"))).space.when == {}


def test_conditions_on_one_variable_along_a_path_intersect() -> None:
    again = pair("op", a=pair("possible"), b=pair("impossible"))
    net = Supernet(pair("op", a=again))
    assert net.space.names == ("op", "possible")  # no architecture runs the other one
    assert net.space.when == {"possible": [{"op": ["a"]}]}


def test_a_module_that_is_used_twice_is_one_decision() -> None:
    layer = pair("op")

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = layer, layer

        def forward(self, x: Tensor) -> Tensor:
            return self.second(self.first(x))

    assert Supernet(Twice()).space.size == 2


def test_searchable_layers_inside_cells_depend_on_edge_and_sources() -> None:
    edges = {(0, 1): nn.Identity(), (0, 2): nn.Identity(), (1, 2): pair("op", b=pair("inner"))}
    net = Supernet(Cell(edges, sources={2: Choice("sources", ("0", "1"))}))
    assert net.space.when == {"op": [{"sources": ["1"]}], "inner": [{"sources": ["1"], "op": ["b"]}]}


def test_every_sampled_architecture_names_what_its_path_needs() -> None:
    import numpy as np

    net, rng = mixed(), np.random.default_rng(0)
    x = torch.randn(1, 2, 8, 8)
    for _ in range(30):
        arch = net.space.sample(rng)
        net(x, arch)
        for name in arch:  # and nothing that it does not need
            with pytest.raises(UserError, match=f"says nothing about '{name}'"):
                net(x, {k: v for k, v in arch.items() if k != name})


@pytest.mark.parametrize(
    "second",
    [Choice("size", (2, 4)), Ordinal("size", (2, 4, 8))],
    ids=["another kind", "other options"],
)
def test_one_name_with_two_definitions_is_refused(second: Choice | Ordinal) -> None:
    other = (
        ElasticLinear(4, second) if isinstance(second, Ordinal) else OneOf(second, {2: nn.Identity(), 4: nn.Identity()})
    )
    with pytest.raises(UserError, match="two different decisions share the name 'size'"):
        Supernet(nn.Sequential(ElasticLinear(4, Ordinal("size", (2, 4))), other))


def test_equal_definitions_are_the_same_decision() -> None:
    net = Supernet(nn.Sequential(ElasticLinear(4, Ordinal("w", (2, 4))), ElasticLinear(Ordinal("w", (2, 4)), 3)))
    assert net.space.size == 2


def test_a_network_without_decisions_is_refused() -> None:
    with pytest.raises(UserError, match="Linear holds no searchable layer"):
        Supernet(nn.Linear(2, 2))


def test_constraints_and_names_reach_the_space() -> None:
    net = Supernet(ElasticLinear(4, Ordinal("w", (2, 4))), name="mine", where=lambda arch: arch["w"] > 2)
    assert net.space.name == "mine"
    assert net.space.size == 1
