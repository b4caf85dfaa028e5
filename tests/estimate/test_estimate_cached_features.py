"""A frozen trunk: its outputs are right, computed once, and only the rest is trained."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archwright import data, zoo
from archwright.errors import UserError
from archwright.estimate import ESTIMATORS, CachedFeatures, Proxy, Train
from archwright.registry import Part
from archwright.supernet import OneOf, Supernet, cut, recalibrate
from archwright.testing import EstimatorContract
from archwright.train import Trainer, evaluate

TRAINER = Trainer(epochs=2, batch_size=32)


@pytest.fixture(scope="module")
def splits():
    return data.load("digits", seed=0)


@pytest.fixture(scope="module")
def net(splits):
    torch.manual_seed(0)
    return zoo.build_for(splits, "convnet")


@pytest.fixture
def arch(net):
    return net.space.sample(np.random.default_rng(1))


class Headed(nn.Module):
    """A fixed trunk and a searched head."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2))
        self.head = OneOf("head", {str(k): nn.Sequential(nn.Flatten(), nn.Linear(96, k), nn.ReLU(), nn.Linear(k, 10))
                                   for k in (4, 16, 64)})  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.trunk(x))


class TestCachedFeatures(EstimatorContract):
    @pytest.fixture
    def estimator(self, net, splits):
        return CachedFeatures(net, splits, trunk="stages", trainer=TRAINER)

    @pytest.fixture
    def space(self, net):
        return net.space


def test_features_are_outputs_of_the_calibrated_trunk(net, splits, arch):
    found = CachedFeatures(net, splits, trunk="stages.0", trainer=TRAINER, calibration=3).features(arch)
    trunk, _ = cut(net.slice(arch), "stages.0")
    batches = splits.train.batches(32, shuffle=True, seed=splits.seed)
    recalibrate(trunk, itertools.islice((x for x, _ in batches), 3))
    x, y = next(iter(splits.valid.batches(100)))
    torch.testing.assert_close(found.valid.x[:100], trunk(x))
    assert torch.equal(found.valid.y[:100], y)
    assert len(found.train) == len(splits.train)
    assert not found.train.x.requires_grad


def test_the_supernet_stays_as_it_is(net, splits, arch):
    before = {name: t.clone() for name, t in net.state_dict().items()}
    list(CachedFeatures(net, splits, trunk="stages", trainer=TRAINER)(arch))
    assert all(torch.equal(t, before[name]) for name, t in net.state_dict().items())


def test_the_accuracy_is_that_of_the_whole_network(net, splits, arch, monkeypatch):
    trained = {}
    fit = Trainer.fit

    def kept(self, module, *args, **options):
        trained["rest"] = module
        return fit(self, module, *args, **options)

    monkeypatch.setattr(Trainer, "fit", kept)
    estimator = CachedFeatures(net, splits, trunk="stages", trainer=TRAINER)
    *_, last = estimator(arch)
    trunk, _ = cut(net.slice(arch), "stages")
    batches = splits.train.batches(32, shuffle=True, seed=splits.seed)
    recalibrate(trunk, itertools.islice((x for x, _ in batches), 8))
    whole = evaluate(nn.Sequential(trunk, trained["rest"]), splits.valid)
    assert last.metrics["accuracy"] == pytest.approx(whole["accuracy"], abs=0.5)


def test_a_head_is_searched_on_one_set_of_features(splits, monkeypatch):
    torch.manual_seed(0)
    net = Supernet(Headed(), input_shape=splits.input_shape)
    estimator, computed = CachedFeatures(net, splits, trunk="trunk", trainer=Trainer(epochs=8, lr=0.05)), []
    compute = CachedFeatures._computed
    monkeypatch.setattr(CachedFeatures, "_computed", lambda self, trunk: computed.append(1) or compute(self, trunk))
    found = {}
    for head in ("4", "16", "64"):
        *_, last = estimator(net.space.arch({"head": head}))
        found[head] = last.metrics["accuracy"]
    assert len(computed) == 1
    assert found["64"] > found["4"]
    assert found["64"] > 85  # random filters are enough for a wide head on digits
    with torch.no_grad():
        next(net.parameters()).mul_(2)
    estimator.features(net.space.arch({"head": "4"}))
    assert len(computed) == 2  # other weights, other features


def test_the_last_used_sets_are_kept(net, splits, monkeypatch):
    computed, compute = [], CachedFeatures._computed
    monkeypatch.setattr(CachedFeatures, "_computed", lambda self, trunk: computed.append(1) or compute(self, trunk))
    estimator = CachedFeatures(net, splits, trunk="stages.0", keep=2)
    a, b, c = (net.space.sample(np.random.default_rng(s)) for s in (1, 2, 5))
    assert len({x["stage1.width"] for x in (a, b, c)} | {x["stage1.depth"] for x in (a, b, c)}) > 1
    for arch in (a, b, a, c, a, b):
        estimator.features(arch)
    assert len(computed) == 4  # a, b, c and b again


def test_the_rest_starts_as_in_a_training_of_the_whole(net, splits, arch):
    estimator = CachedFeatures(net, splits, trunk="stages", trainer=TRAINER)
    torch.manual_seed(7)
    whole = net.slice(arch, fresh=True)
    torch.manual_seed(7)
    _, rest = estimator._halves(arch, fresh=True)
    assert torch.equal(rest.head.weight, whole.head.weight)


def test_as_a_declared_reduction(net, splits, arch):
    train = Train(net, splits, trainer=Trainer(epochs=4, batch_size=32))
    proxy = Proxy(train, epochs=0.5, trunk="stages")
    assert proxy.reduction == {"epochs": 0.5, "trunk": "stages"}
    assert proxy.shared
    assert not Proxy(train).shared
    reports = [r.metrics["accuracy"] for r in proxy(arch, seed=2)]
    direct = CachedFeatures(net, splits, trunk="stages", trainer=train.trainer)(arch, budget=2, seed=2)
    assert reports == [r.metrics["accuracy"] for r in direct]
    assert Proxy(train, trunk="stages").cost_ratio == pytest.approx(1 / 12, rel=0.02)  # one pass of 4 x 3; a small head
    assert Proxy(train, trunk="stages.0").cost_ratio > Proxy(train, trunk="stages").cost_ratio


def test_a_recipe_builds_it(net, splits, arch):
    judge = Part("estimator", "cached-features", {"trunk": "stages"}).build(ESTIMATORS, net=net, splits=splits)
    assert (judge.source, judge.shared, judge.trunk) == ("cached-features", True, "stages")


def test_wrong_trunks_are_told_at_once(net, splits):
    for wrong, message in (("stage", "did you mean 'stages'"), ("head", "nothing is left to train")):
        with pytest.raises(UserError, match=message):
            CachedFeatures(net, splits, trunk=wrong)
    with pytest.raises(UserError, match="keep"):
        CachedFeatures(net, splits, trunk="stages", keep=0)
