"""Estimators on real digits and on tables."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch

from archwright import data, zoo
from archwright.cost import params
from archwright.errors import UserError
from archwright.estimate import NetworkCosts, SharedWeights, Table, Train, WithCosts
from archwright.space import Arch, Choice, Space
from archwright.supernet import Sandwich, Supernet, SupernetStep
from archwright.testing import EstimatorContract
from archwright.train import Trainer


@pytest.fixture(scope="module")
def splits() -> data.Splits:
    return data.load("digits", seed=0)


@pytest.fixture(scope="module")
def net(splits: data.Splits) -> Supernet:
    torch.manual_seed(0)
    supernet = zoo.build("convnet", in_channels=1, classes=10, image_size=8)
    step = SupernetStep(supernet.space, Sandwich(random=1))
    for _ in Trainer(epochs=3, batch_size=64, lr=0.1).fit(supernet, splits, step, metrics=lambda _: {}):
        pass
    return supernet


@pytest.fixture
def arch(net: Supernet) -> Arch:
    return net.space.sample(np.random.default_rng(3))


def last(reports):
    return list(reports)[-1].metrics


class TestSharedWeights(EstimatorContract):
    @pytest.fixture
    def estimator(self, net, splits):
        return SharedWeights(net, splits)

    @pytest.fixture
    def space(self, net):
        return net.space


class TestTable(EstimatorContract):
    @pytest.fixture
    def space(self):
        return Space([Choice("a", ("x", "y")), Choice("b", (1, 2, 3))])

    @pytest.fixture
    def estimator(self, space):
        rng = np.random.default_rng(0)
        entries = {}
        while len(entries) < space.size:
            entries[space.sample(rng)] = {"accuracy": float(len(entries))}
        return Table(entries)


def test_shared_weights_beat_chance_and_leave_the_supernet_alone(net, splits, arch):
    before = copy.deepcopy(net.state_dict())
    assert last(SharedWeights(net, splits)(arch))["accuracy"] > 30  # chance is 10
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_shared_weights_do_not_depend_on_what_was_scored_before(net, splits, arch):
    judge = SharedWeights(net, splits)
    alone = last(judge(arch, seed=5))
    for _ in judge(net.space.sample(np.random.default_rng(9)), seed=1):
        pass
    assert last(judge(arch, seed=5)) == alone


def test_recalibration_matters(net, splits, arch):
    """Shared statistics belong to no sub-network (SPOS, must show 5): without recalibration the loss is larger."""
    from archwright.train import evaluate

    stale = evaluate(net.slice(arch).eval(), splits.valid)["loss"]
    assert last(SharedWeights(net, splits)(arch))["loss"] < stale


def test_shared_weights_need_a_validation_part(net, splits):
    empty = dataclasses.replace(splits, valid=splits.valid.subset(torch.empty(0, dtype=torch.long)))
    with pytest.raises(UserError, match="validation part"):
        SharedWeights(net, empty)


def test_training_reports_every_epoch_and_learns(net, splits, arch):
    reports = list(Train(net, splits, trainer=Trainer(epochs=3, batch_size=64))(arch, seed=1))
    assert [r.step for r in reports] == [0, 1, 2]
    assert reports[-1].metrics["accuracy"] > max(25, reports[0].metrics["accuracy"])


def test_budget_is_the_number_of_epochs(net, splits, arch):
    assert len(list(Train(net, splits)(arch, budget=2, seed=1))) == 2


def test_training_is_repeatable_and_does_not_touch_global_randomness(net, splits, arch):
    judge = Train(net, splits, trainer=Trainer(epochs=1, batch_size=64))
    torch.manual_seed(1)
    first = last(judge(arch, seed=4))
    state = torch.get_rng_state()
    second = last(judge(arch, seed=4))
    assert torch.equal(state, torch.get_rng_state())
    keys = ("accuracy", "loss", "train_loss")
    assert [first[k] for k in keys] == [second[k] for k in keys]
    assert last(judge(arch, seed=5))["train_loss"] != first["train_loss"]


def test_table_by_key_and_by_architecture():
    arch = Arch({"a": 1})
    for entries in ({arch: {"accuracy": 1.0}}, {arch.key: {"accuracy": 1.0}}):
        assert last(Table(entries)(arch)) == {"accuracy": 1.0}
    with pytest.raises(UserError, match="no entry"):
        last(Table({arch: {"accuracy": 1.0}})(Arch({"a": 2})))


def test_costs_come_first_and_stay(net, splits, arch):
    costs = NetworkCosts(net, ("params", "flops"))
    reports = list(WithCosts(Table({arch: {"accuracy": 9.0}}), costs)(arch))
    assert dict(reports[0].metrics) == {"params": params(net.extract(arch)), "flops": costs(arch)["flops"]}
    assert dict(reports[1].metrics) == {**reports[0].metrics, "accuracy": 9.0}


def test_costs_are_computed_once(net, arch):
    costs = NetworkCosts(net)
    assert costs(arch) is costs(Arch(arch))


def test_latency_needs_a_table_and_costs_need_a_shape(net):
    with pytest.raises(UserError, match="table"):
        NetworkCosts(net, ("latency_ms",))
    with pytest.raises(UserError, match="shape"):
        NetworkCosts(Supernet(net.module))


def test_a_part_of_the_validation_samples_can_judge(net, splits, arch):
    few, same = (SharedWeights(net, splits, samples=50) for _ in range(2))
    assert last(few(arch)) == last(same(arch))
    assert last(few(arch))["accuracy"] % 2 == 0  # of 50 samples
    assert last(SharedWeights(net, splits, samples=10**6)(arch)) == last(SharedWeights(net, splits, samples=None)(arch))
