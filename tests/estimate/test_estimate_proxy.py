"""Proxies: what is reduced, what it costs, and how the agreement of rankings is counted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from archwright import data, zoo
from archwright.cost import flops, params
from archwright.errors import UserError
from archwright.estimate import ESTIMATORS, Proxy, Table, Train, rank_agreement
from archwright.estimate._proxy import stratified
from archwright.estimate._rank_agreement import compare
from archwright.registry import Part
from archwright.space import Choice, Space
from archwright.testing import EstimatorContract
from archwright.train import Trainer


@pytest.fixture(scope="module")
def splits():
    rng, y = np.random.default_rng(0), np.arange(200) % 4
    images = rng.integers(0, 60, (200, 16, 16)) + 60 * y[:, None, None]
    return data.load((images.astype(np.uint8)[..., None], y))


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return zoo.build("convnet", in_channels=1, classes=4, image_size=16)


@pytest.fixture
def train(net, splits):
    return Train(net, splits, trainer=Trainer(epochs=4, batch_size=32))


@pytest.fixture
def arch(net):
    return net.space.sample(np.random.default_rng(1))


class TestProxy(EstimatorContract):
    @pytest.fixture
    def estimator(self, train):
        return Proxy(train, epochs=0.25, samples=0.2, resolution=8)

    @pytest.fixture
    def space(self, net):
        return net.space


def test_fewer_epochs_are_the_training_with_that_budget(train, arch):
    short = [r.metrics["accuracy"] for r in Proxy(train, epochs=0.5)(arch, seed=3)]
    assert short == [r.metrics["accuracy"] for r in train(arch, budget=2, seed=3)]
    assert len(list(Proxy(train, epochs=0.5)(arch, budget=2))) == 1


def test_a_part_of_the_data_has_all_classes(splits):
    part = stratified(splits.train, 0.25)
    whole = torch.bincount(splits.train.y)
    assert torch.bincount(part.y).tolist() == [round(0.25 * n) for n in whole.tolist()]
    assert torch.bincount(stratified(splits.train, 1e-6).y).tolist() == [1, 1, 1, 1]
    assert torch.equal(part.x, stratified(splits.train, 0.25).x)
    assert torch.equal(part.mean, splits.train.mean)


def test_small_images_are_means_of_large_ones(train, splits, net):
    small = Proxy(train, resolution=8)._inner.splits
    assert small.input_shape == (1, 8, 8)
    assert small.valid.x[3, 0, 0, 0] == splits.valid.x[3, 0, :2, :2].float().mean()


def test_a_thin_network_gets_the_same_positions(train, net, arch):
    wide = zoo.build("convnet", in_channels=1, classes=4, image_size=16, width=2.0)
    thin = Proxy(Train(wide, train.splits, trainer=train.trainer), net=net)
    for _ in range(20):
        arch = wide.space.sample(np.random.default_rng(5))
        other = thin.carried(arch)
        for name, value in arch.items():
            assert wide.space[name].options.index(value) == net.space[name].options.index(other[name])
        assert params(net.slice(other)) < params(wide.slice(arch))
    assert next(iter(thin(arch))).metrics["accuracy"] >= 0


def test_a_shallow_network_lacks_blocks(train, net):
    shallow = zoo.build("convnet", in_channels=1, classes=4, image_size=16, blocks=1)
    proxy = Proxy(train, net=shallow)
    assert set(shallow.space.names) < set(net.space.names)
    deep = net.space.arch({v.name: v.options[-1] for v in net.space.variables})
    assert dict(proxy.carried(deep)) == {v.name: v.options[-1] for v in shallow.space.variables}
    assert params(shallow.slice(proxy.carried(deep))) < params(net.slice(deep))
    rng = np.random.default_rng(0)
    for _ in range(30):
        arch = net.space.sample(rng)
        assert proxy.carried(arch) in shallow.space
    with pytest.raises(UserError, match="different: stage2"):
        Proxy(Train(shallow, train.splits, trainer=train.trainer), net=net)


def test_the_reduction_is_declared_with_its_cost(train, net):
    proxy = Proxy(train, epochs=0.5, samples=0.25, resolution=8)
    assert proxy.reduction == {"epochs": 0.5, "samples": 0.25, "resolution": 8}
    assert Proxy(train).reduction == {}
    assert Proxy(train).cost_ratio == 1.0
    assert Proxy(train, epochs=0.5).cost_ratio == 0.5
    largest = net.space.arch({v.name: v.options[-1] for v in net.space.variables})
    module = net.slice(largest).eval()
    images = flops(module, torch.zeros(1, 1, 8, 8)) / flops(module, torch.zeros(1, 1, 16, 16))
    assert proxy.cost_ratio == pytest.approx(0.125 * images, rel=0.05)
    thin = Proxy(train, net=zoo.build("convnet", in_channels=1, classes=4, image_size=16, width=0.5))
    assert thin.reduction == {"net": "convnet"}
    assert thin.cost_ratio < 0.6


def test_wrong_reductions_are_told(train, net, splits):
    for wrong in ({"epochs": 0}, {"samples": 1.5}, {"resolution": 16}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            Proxy(train, **wrong)
    with pytest.raises(UserError, match="same variables"):
        Proxy(train, net=zoo.build("mlp", in_channels=5, classes=3))
    with pytest.raises(UserError, match="number of epochs"):
        Proxy(Train(net, splits, trainer=Trainer(minutes=1)), epochs=0.5)
    table = data.load((np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32), np.arange(60) % 2))
    with pytest.raises(UserError, match="resolution"):
        Proxy(Train(net, table), resolution=4)


def test_agreement_of_two_lists():
    same = compare(range(20), range(20), 0.5)
    assert (same.kendall, same.spearman, same.inversions, same.recall, same.cost_ratio) == (1, 1, 0, 1, 0.5)
    top = np.arange(20.0)
    top[[18, 19]] = top[[19, 18]]  # only the best two change places
    assert (compare(top, range(20)).inversions, compare(top, range(20)).recall) == (1.0, 1.0)
    assert compare(top, range(20)).kendall == pytest.approx(1 - 2 / 190)
    assert compare(-top, range(20)).recall == 0.0
    assert compare([*range(19), np.nan], range(20)).recall == 0.5  # a diverged one ranks last


def test_agreement_of_two_estimators():
    space = Space([Choice("a", tuple(range(12)))])
    archs = [space.arch({"a": i}) for i in range(12)]
    cheap, real = (Table({a: {"accuracy": f(a["a"])} for a in archs}) for f in (lambda i: i**2, lambda i: i + 1))
    found = rank_agreement(cheap, real, archs)
    assert (found.count, found.kendall, found.low, found.high) == pytest.approx((12, 1.0, 1.0, 1.0))
    assert found.cost_ratio > 0
    with pytest.raises(UserError, match="at least 2"):
        rank_agreement(cheap, real, archs[:1])


def test_a_recipe_builds_it(net, splits, arch):
    settings = {"trainer": Trainer(epochs=4, batch_size=32), "epochs": 0.25, "samples": 0.5, "resolution": 8}
    judge = Part("estimator", "proxy", settings).build(ESTIMATORS, net=net, splits=splits)
    assert len(list(judge(arch))) == 1
    assert dataclasses.asdict(judge.train.trainer)["epochs"] == 4
