"""Scores whose values are known: the cases of the method sheets."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from zerocost_networks import identity, images, small, two_points

from archwright.errors import UserError
from archwright.estimate import score, vote
from archwright.estimate.zerocost._jacobian import correlation
from archwright.estimate.zerocost._jacov import spread


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grad-norm", 0.254133),
        ("snip", 0.253674),
        ("plain", -0.253674),
        ("fisher", 2 * (0.0045206 + 0.0035523)),
        ("grasp", 0.0765007),
        ("l2-norm", math.sqrt(2)),
        ("knas", 0.0645834),
        ("params", 4),
        ("flops", 8),
    ],
)
def test_one_linear_layer(name, value):
    assert score(name, identity(), two_points()) == pytest.approx(value, rel=2e-6 if name != "fisher" else 1e-4)


def chain(first, second):
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor(first))
        net[2].weight.copy_(torch.tensor([second]))
    return net


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_flow_is_conserved(sign):
    """Every layer of a chain without bias contributes R = 17."""
    net = chain([[sign, 2.0], [3.0, -4.0]], [1.0, sign * 2.0])
    assert score("synflow", net, torch.randn(3, 2), log=False) == pytest.approx(34, rel=1e-12)
    assert score("synflow", net, torch.randn(3, 2)) == pytest.approx(math.log(34), rel=1e-12)


def test_flow_scales_with_every_layer_and_ignores_batch_and_normalisation():
    net = small()
    x, y = images()
    before = score("synflow", net, (x, y), log=False)
    assert score("synflow", net, 7 * x[:1], log=False) == before
    net.norm1.running_var.mul_(9)
    net.norm1.weight.data.mul_(3)
    assert score("synflow", net, x, log=False) == pytest.approx(before, rel=1e-12)
    bare = chain([[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0])
    bare[0].weight.data.mul_(10)
    assert score("synflow", bare, torch.ones(1, 2), log=False) == pytest.approx(340, rel=1e-12)


def test_no_flow():
    net = chain([[1.0, 2.0], [3.0, 4.0]], [0.0, 0.0])
    assert score("synflow", net, torch.ones(1, 2)) == -math.inf
    assert score("synflow", net, torch.ones(1, 2), log=False) == 0


@pytest.mark.parametrize(
    ("matrix", "value"),
    [
        (np.eye(4), -4.0),
        (np.eye(64), -64.0),
        (np.ones((2, 2)), -99989.68),
        (np.array([[1, 0.5], [0.5, 1]]), -2.378967),
    ],
)
def test_spread_of_a_correlation(matrix, value):
    assert spread(torch.tensor(matrix, dtype=torch.float64), 1e-5) == pytest.approx(value, rel=1e-6)


def test_correlation_is_that_of_numpy():
    rows = torch.randn(5, 40, dtype=torch.float64)
    np.testing.assert_allclose(correlation(rows).numpy(), np.corrcoef(rows.numpy()), atol=1e-12)


def test_jacov_is_largest_without_correlation():
    assert score("jacov", small(), images()) < -12


@pytest.mark.parametrize("gamma", [0.01, 0.3])
def test_zen_of_a_linear_network_doubles_with_gamma(gamma):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)).double()
    x, _ = images()
    found = [score("zen", net, x, gamma=g, seed=3) for g in (gamma, 2 * gamma)]
    assert found[1] - found[0] == pytest.approx(math.log(2), abs=1e-9)


def test_zen_redraws_the_weights():
    net, (x, _) = small(), images()
    before = score("zen", net, x, seed=3)
    for p in net.parameters():
        p.data.mul_(5).add_(1)
    net.norm2.running_var.fill_(77)
    assert score("zen", net, 9 * x, seed=3) == before
    assert score("zen", net, x, seed=4) != before


def test_zen_averages_its_repeats():
    net, (x, _) = small(), images()
    many = [score("zen", net, x, seed=s, repeats=20) for s in range(4)]
    single = [score("zen", net, x, seed=s) for s in range(4)]
    assert np.std(many) < np.std(single)


def test_vote_is_the_majority_of_pairs():
    """0 beats 1 twice, 1 beats 2 three times, 0 and 2 split: 2 beats 0 by two of three."""
    wins = vote([[3, 2, 1], [3, 1, 0], [0, 2, 1]])
    np.testing.assert_allclose(wins, [1.0, 0.5, 0.0])
    np.testing.assert_allclose(vote([[1, 1], [2, 2]]), [0.5, 0.5])
    np.testing.assert_allclose(vote([[math.nan, 1], [-math.inf, 2]]), [0, 1])


@pytest.mark.parametrize("columns", [[], [[1, 2], [1]]])
def test_vote_needs_columns_of_one_length(columns):
    with pytest.raises(UserError, match="one length"):
        vote(columns)
