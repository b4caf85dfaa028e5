"""`ZeroCost`: scores of the architectures of a supernet."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from archwright import data, estimate, search, zoo
from archwright.errors import UserError
from archwright.estimate import SCORES, WORST, ZeroCost
from archwright.study import Study


@pytest.fixture(scope="module")
def splits():
    return data.load("digits")


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return zoo.build("nasbench201", in_channels=1, classes=10, image_size=8, channels=4, cells=1)


def result(estimator, arch, **call):
    return dict(list(estimator(arch, **call))[-1].metrics)


def chosen(net, *operations):
    return net.space.arch(dict(zip((v.name for v in net.space.variables), operations)))


@pytest.fixture
def arch(net):
    return chosen(net, *["nor_conv_3x3"] * 6)


@pytest.mark.parametrize("name", SCORES.names())
def test_every_score_is_an_estimator(name, net, splits, arch):
    estimator = estimate.ESTIMATORS.load(name)(net, splits)
    found = result(estimator, arch)
    assert found == {"score": found[name], name: found[name]}
    assert math.isfinite(found[name])
    assert estimator.source == "zero-cost"


def test_it_is_the_score_of_the_fresh_network_on_its_batch(net, splits, arch):
    estimator = ZeroCost(net, splits, score="snip", batch_size=20)
    ((x, y),) = estimator.batches()
    assert x.shape == (20, 1, 8, 8)
    from archwright.estimate._zero_cost import _derived

    torch.manual_seed(_derived(3, 0))
    fresh = net.slice(arch, fresh=True)
    assert result(estimator, arch, seed=3)["snip"] == estimate.score("snip", fresh, (x, y), seed=_derived(3, 0))


def test_weights_follow_the_seed_and_batches_do_not(net, splits, arch):
    estimator = ZeroCost(net, splits, score="l2-norm")
    assert result(estimator, arch, seed=1) == result(estimator, arch, seed=1) != result(estimator, arch, seed=2)
    shared = ZeroCost(net, splits, score="l2-norm", fresh=False)
    assert result(shared, arch, seed=1) == result(shared, arch, seed=2)
    assert result(shared, arch)["score"] == estimate.score("l2-norm", net.slice(arch), torch.zeros(1, 1, 8, 8))


def test_repeats_are_averaged(net, splits, arch):
    many = result(ZeroCost(net, splits, repeats=4, batch_size=16), arch)
    assert set(many) == {"score", "naswot", "score_sd"}
    assert many["score_sd"] > 0
    batches = ZeroCost(net, splits, repeats=4, batch_size=16).batches()
    assert len({float(x.sum()) for x, _ in batches}) == 4


def test_degenerate_networks_rank_last(net, splits):
    dead = chosen(net, *["none"] * 6)
    for name in ("naswot", "jacov", "synflow"):
        assert result(ZeroCost(net, splits, score=name), dead)["score"] == WORST


def test_size_ranks_cells_in_part(net, splits):
    order = ["skip_connect", "nor_conv_1x1", "nor_conv_3x3"]
    found = [result(ZeroCost(net, splits), chosen(net, op, *["skip_connect"] * 4, op))["score"] for op in order]
    assert found[0] < min(found[1:])


def test_settings_reach_the_score(net, splits, arch):
    plain = result(ZeroCost(net, splits, score="knas"), arch)
    release = result(estimate.ESTIMATORS.load("knas")(net, splits, variant="release", batch_size=10), arch)
    assert plain != release
    with pytest.raises(UserError, match="score 'naswot' has no setting 'variant'"):
        ZeroCost(net, splits, settings={"variant": "release"})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"score": "naswott"}, "unknown score 'naswott'; did you mean 'naswot'"),
        ({"repeats": 0}, "at least 1, got 0"),
        ({"batch_size": 0}, "at least 1"),
    ],
)
def test_mistakes(settings, message, net, splits):
    with pytest.raises(UserError, match=message):
        ZeroCost(net, splits, **settings)


def test_search_without_training(net, splits):
    """A study on the score alone, and the assisted evolution whose pool it ranks."""
    judge = ZeroCost(net, splits, batch_size=16)
    study = Study(net.space, search.Random(net.space, objectives=["score"]), judge, objectives=["score"])
    found = study.run(trials=4)
    assert [t.state for t in found.trials] == ["complete"] * 4
    strategy = search.build(
        "area", net.space, scorer=lambda arch: result(judge, arch)["score"], pool=6, population=3, sample=2
    )
    scores = [result(judge, a)["score"] for a in strategy.ask(3)]
    assert scores == sorted(scores, reverse=True)
    assert isinstance(np.mean(scores), float)
