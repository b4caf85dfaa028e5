"""One forward for concrete, relaxed and mixed architectures."""

from __future__ import annotations

import copy
import itertools
import pickle

import numpy as np
import pytest
import torch
from supernet_networks import mixed, one, smallest, weights
from torch import nn

from archwright.errors import UserError
from archwright.space import Choice, Ordinal
from archwright.supernet import ElasticLinear, OneOf, Searchable, Supernet

X = torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(0))


def test_concrete_relaxed_and_extracted_agree() -> None:
    net, rng = mixed(), np.random.default_rng(0)
    for _ in range(15):
        arch = net.space.sample(rng)
        concrete = net(X, arch)
        torch.testing.assert_close(net(X, net.space.one_hot(arch)), concrete, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(net.extract(arch)(X), concrete, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(net.slice(arch)(X), concrete, rtol=1e-5, atol=1e-5)


def test_any_part_of_an_architecture_may_be_relaxed() -> None:
    net, rng = mixed(), np.random.default_rng(2)
    arch = net.space.sample(rng)
    one_hot, concrete = net.space.one_hot(arch), net(X, arch)
    for relaxed in itertools.chain.from_iterable(itertools.combinations(arch, n) for n in (1, 2, 4)):
        partly = {**arch, **{name: one_hot[name] for name in relaxed}}
        torch.testing.assert_close(net(X, partly), concrete, rtol=1e-5, atol=1e-5)


def test_gradients_reach_every_relaxed_variable() -> None:
    net = mixed().train()
    relaxed = {v.name: torch.full((v.count,), 1 / v.count, requires_grad=True) for v in net.space.variables}
    net(X, relaxed).square().sum().backward()
    for name, w in relaxed.items():
        assert (w.grad.abs() > 0).tolist() == [True] * (len(w) - (name == "pool")) + [False] * (name == "pool")


@pytest.mark.parametrize("kind", [torch.tensor, np.array, list, tuple])
def test_weights_may_be_tensors_arrays_or_lists(kind: type) -> None:
    net = one(OneOf("op", {"a": nn.Identity(), "b": nn.Tanh()}))
    torch.testing.assert_close(net(X, {"op": kind([0.25, 0.75])}), 0.25 * X + 0.75 * X.tanh())


def test_weights_follow_the_precision_of_the_input() -> None:
    net = one(ElasticLinear(3, Ordinal("w", (2, 4)), bias=False), double=True)
    x = torch.randn(1, 3, dtype=torch.float64)
    torch.testing.assert_close(net(x, {"w": [0.9, 0.1]})[:, 2:], 0.1 * net(x, {"w": 4})[:, 2:], rtol=0, atol=1e-16)


def test_an_architecture_may_name_more_than_its_path_needs() -> None:
    net = mixed()
    arch = smallest(net)
    assert torch.equal(net(X, {**arch, "b2.kernel": 3}), net(X, arch))


def test_numpy_scalars_are_options() -> None:
    net = one(ElasticLinear(3, Ordinal("w", (2, 4))))
    assert net(torch.ones(1, 3), {"w": np.int64(4)}).shape == (1, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wdith": 4}, r"names 'wdith', which this network does not have; did you mean 'width'"),
        ({"width": 5}, r"'width' cannot be 5; allowed: \[4, 6, 8\]"),
        ({"pool": "mean"}, "'pool' cannot be 'mean'"),
        ({"depth": {"d": 1}}, "'depth' cannot be"),
        ({"width": [0.5, 0.5]}, r"weights of 'width' must have shape \(3,\), got \(2,\)"),
        ({"width": torch.tensor(4)}, r"must have shape \(3,\), got \(\)"),
    ],
)
def test_architectures_that_do_not_fit_are_refused(changes: dict[str, object], message: str) -> None:
    net = mixed()
    with pytest.raises(UserError, match=message):
        net(X, {**smallest(net), **changes})


@pytest.mark.parametrize("method", ["slice", "extract"])
def test_plain_networks_are_of_members_only(method: str) -> None:
    net = mixed()
    with pytest.raises(UserError, match="'width' cannot be 5"):
        getattr(net, method)({**smallest(net), "width": 5})
    with pytest.raises(UserError, match="the value of 'pool' is missing"):
        getattr(net, method)({k: v for k, v in smallest(net).items() if k != "pool"})


def test_state_is_that_of_the_network_alone() -> None:
    net = mixed()
    assert all(key.startswith("module.") for key in net.state_dict())
    assert not any("steps" in key for key in net.state_dict())
    other = mixed(seed=1)
    arch = smallest(net)
    assert not torch.equal(other(X, arch), net(X, arch))
    other.load_state_dict(net.state_dict())
    assert torch.equal(other(X, arch), net(X, arch))


def test_copies_and_pickles_run_on_their_own() -> None:
    net = mixed()
    arch = smallest(net, depth=3, **{f"b{i}.{n}": v for i in (1, 2) for n, v in (("kernel", 3), ("expansion", 2))})
    expected = net(X, arch)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(twin(X, arch), expected)
        assert twin.space == net.space
        nn.init.zeros_(twin.module.head.weight)
    assert torch.equal(net(X, arch), expected)


def test_searchable_lists_the_layers() -> None:
    net = Supernet(nn.Sequential(OneOf("op", {"a": nn.Identity(), "b": ElasticLinear(2, Ordinal("w", (1, 2)))})))
    assert [type(m).__name__ for m in net.searchable()] == ["OneOf", "ElasticLinear"]
    assert all(isinstance(m, Searchable) for m in net.searchable())


def test_a_network_without_parameters_can_be_relaxed() -> None:
    net = Supernet(OneOf(Choice("op", ("same", "up")), {"same": nn.Identity(), "up": nn.ReLU()}))
    assert torch.equal(net(-X.abs(), {"op": weights(0.5, 0.5)}), -0.5 * X.abs())


def test_bfloat16_autocast_runs_both_kinds() -> None:
    net = mixed().train()
    arch = net.space.sample(np.random.default_rng(3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert net(X, arch).dtype == torch.bfloat16
        assert net(X, net.space.one_hot(arch)).dtype == torch.bfloat16
