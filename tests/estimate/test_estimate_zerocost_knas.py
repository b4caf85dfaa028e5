"""KNAS: the Gram matrix of per-example gradients, in the form of the paper and in that of the release."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from zerocost_networks import identity, images, small, two_points

from archwright.errors import UserError
from archwright.estimate import score
from archwright.estimate.zerocost._examples import alone, example_gradients

pytestmark = pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")


def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5)).double()


def rows(count=50):
    generator = torch.Generator().manual_seed(3)
    return torch.randn(count, 20, generator=generator, dtype=torch.float64), torch.arange(count) % 5


def gradients(net, x, y):
    """Example by example."""
    found = []
    for n in range(len(x)):
        net.zero_grad()
        F.cross_entropy(net(x[n : n + 1]), y[n : n + 1]).backward()
        found.append({name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None})
    return found


def test_gram_matrix_of_a_linear_model():
    """Its diagonal is 0.144659 and 0.113675, and the examples share no coordinate."""
    x, y = two_points()
    g = example_gradients(identity(), ["weight"], x, y)["weight"].flatten(1)
    np.testing.assert_allclose((g @ g.T).numpy(), [[0.144659, 0], [0, 0.113675]], atol=1e-6)


def test_mean_gram_is_the_squared_gradient_norm():
    net, (x, y) = mlp(), rows()
    F.cross_entropy(net(x), y).backward()
    assert score("knas", net, (x, y)) == pytest.approx(sum(float(p.grad.square().sum()) for p in net.parameters()))
    everything = score("knas", net, (x, y), coordinates=10**6)
    assert everything == pytest.approx(score("knas", net, (x, y)) / 4, rel=1e-12)


def test_sampled_coordinates():
    net, batch = mlp(), rows()
    few = [score("knas", net, batch, coordinates=5, seed=s) for s in range(3)]
    assert len(set(few)) == 3
    assert few[0] == score("knas", net, batch, coordinates=5, seed=0)
    assert max(few) < score("knas", net, batch, coordinates=10**6)


def test_vectorised_gradients_are_those_of_a_loop():
    for net, (x, y) in ((mlp(), rows(8)), (small(), images(8))):
        names = [name for name, _ in net.named_parameters()]
        with alone():
            fast = example_gradients(net, names, x, y)
        for n, slow in enumerate(gradients(copy.deepcopy(net).train(), x, y)):
            for name in names:
                torch.testing.assert_close(fast[name][n], slow[name], rtol=1e-10, atol=1e-12)


def test_examples_that_meet_in_normalisation_have_other_gradients():
    net, (x, y) = small(), images(8)
    loop = torch.stack([g["stem.weight"] for g in gradients(copy.deepcopy(net).train(), x, y)]).mean(0)
    together = copy.deepcopy(net).train()
    F.cross_entropy(together(x), y).backward()
    assert not torch.allclose(loop, together.stem.weight.grad, rtol=1e-2)


def test_stored_statistics_are_those_of_eval_mode():
    net, (x, y) = small(), images(8)
    plain = copy.deepcopy(net).eval()
    F.cross_entropy(plain(x), y).backward()
    value = sum(float(p.grad.square().sum()) for p in plain.parameters())
    assert score("knas", net, (x, y), statistics="stored") == pytest.approx(value, rel=1e-10)
    assert score("knas", net, (x, y)) != pytest.approx(value, rel=1e-2)


def test_labels_and_scale_matter():
    net, (x, y) = mlp(), rows()
    assert score("knas", net, (x, y.flip(0))) != pytest.approx(score("knas", net, (x, y)), rel=1e-3)


def test_one_step_lowers_the_loss_by_the_step_times_the_score():
    net, (x, y) = mlp(), rows()
    before = F.cross_entropy(net(x), y)
    before.backward()
    value, step = score("knas", net, (x, y)), 1e-3
    with torch.no_grad():
        for p in net.parameters():
            p.sub_(step * p.grad)
        assert float(before - F.cross_entropy(net(x), y)) / (step * value) == pytest.approx(1, abs=0.01)


def released(net, x, y):
    """Halves of the examples, literally."""
    found = gradients(copy.deepcopy(net).train(), x, y)
    names = [n for n, p in net.named_parameters() if n in found[0] and p.numel() >= 50][:11]
    total, half = 0.0, len(x) // 2
    for name in names:
        for i in range(50):
            column = np.array([float(g[name].flatten()[i]) for g in found])
            a, b = column[:half], column[half:]
            total += float((a - a.mean()) @ (b - b.mean())) / len(x) ** 2
    return total


@pytest.mark.parametrize(("net", "batch"), [(mlp, rows), (small, lambda: images(12))])
def test_release(net, batch):
    assert score("knas", net(), batch(), variant="release") == pytest.approx(released(net(), *batch()), rel=1e-6)


def test_release_is_zero_on_average():
    net, (x, y) = mlp(), rows()
    found = []
    for n in range(40):
        order = torch.randperm(50, generator=torch.Generator().manual_seed(n))
        found.append(score("knas", net, (x[order], y[order]), variant="release"))
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(40)
    assert 0.2 < np.mean(np.array(found) > 0) < 0.8


def test_parameters_without_gradient_take_no_place():
    torch.manual_seed(0)
    net, batch = mlp(), rows()
    bare = score("knas", net, batch, variant="release")
    net.register_parameter("unused", nn.Parameter(torch.ones(100, dtype=torch.float64)))
    assert score("knas", net, batch, variant="release") == bare


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variant": "realease"}, "variant must be"),
        ({"statistics": "none"}, "statistics must be"),
        ({"coordinates": 0}, "coordinates must be at least 1"),
        ({"variant": "release"}, "at least 2 examples, got 2"),
    ],
)
def test_mistakes(settings, message):
    with pytest.raises(UserError, match=message):
        score("knas", identity(), two_points(), **settings)


def test_one_value_cannot_be_normalised():
    net = nn.Sequential(nn.Linear(20, 32), nn.BatchNorm1d(32), nn.Linear(32, 5)).double()
    with pytest.raises(UserError, match="one example alone cannot be normalised"):
        score("knas", net, rows(), variant="release")
    assert score("knas", net, rows()) > 0
