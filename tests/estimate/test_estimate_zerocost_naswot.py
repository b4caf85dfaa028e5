"""NASWOT: known codes, invariances, dead branches, activations by layer and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from zerocost_networks import images, small

from archwright.errors import UserError
from archwright.estimate import score
from archwright.estimate.zerocost import Naswot
from archwright.estimate.zerocost._codes import by_bits, by_product


def codes(*rows):
    """A network and a batch whose codes are these: the batch is the codes themselves."""
    x = torch.tensor([[1.0 if c == "1" else -1.0 for c in row] for row in rows])
    return nn.Sequential(nn.Identity(), nn.ReLU(), nn.Linear(x.shape[1], 2)), x


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        (("1100", "1010", "0110"), 3.465736),
        (("1111", "0000"), 2.772589),
        (("110", "011"), 2.079442),
        (("110", "011", "110"), -math.inf),
    ],
)
def test_known_codes(rows, value):
    net, x = codes(*rows)
    assert score("naswot", net, x) == pytest.approx(value, rel=1e-6)


def test_zero_is_off():
    net, x = codes("10", "01")
    x[0, 1] = 0.0
    assert score("naswot", net, x) == pytest.approx(math.log(4))


@pytest.mark.parametrize("width", [1000, 20000])
def test_independent_fair_bits(width):
    """det K of codes half of which differ, N = 128: 800.33 and 1183.78 in the sheet; random codes scatter a little."""
    x = torch.randn(128, width, generator=torch.Generator().manual_seed(0))
    expected = {1000: 800.33, 20000: 1183.78}[width]
    assert score("naswot", nn.Sequential(nn.ReLU(), nn.Linear(width, 1)), x) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("units", [1, 7, 8, 63, 64, 65, 1000])
def test_bits_and_products_count_the_same(units):
    on = torch.rand(9, units, generator=torch.Generator().manual_seed(units)) > 0.4
    slow = [[int((a == b).sum()) for b in on] for a in on]
    np.testing.assert_array_equal(by_bits(on.numpy()), slow)
    np.testing.assert_array_equal(by_product(on, most=100), slow)


def test_kernel_is_that_of_the_concatenated_codes():
    net, (x, _) = small(), images()
    k = Naswot().kernel(net, x)
    assert (np.diag(k) == 3 * 6 * 36).all()
    assert (k == k.T).all()


def test_what_does_not_matter():
    net, (x, y) = small(), images()
    value = score("naswot", net, x)
    assert score("naswot", net, (x, 3 - y)) == value
    assert score("naswot", net, x.flip(0)) == pytest.approx(value, rel=1e-12)
    assert score("naswot", net, x) == value  # nothing was left behind
    net.stem.weight.data.mul_(16)
    assert score("naswot", net, x) == pytest.approx(value, rel=1e-6)


class Branched(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.stem, self.branch, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1), nn.Linear(4, 2)

    def forward(self, x):
        x = F.relu(self.stem(x))
        if self.kind != "absent":
            side = torch.relu(self.branch(x))
        if self.kind == "times zero":
            x = x + 0.0 * side
        if self.kind == "used":
            x = x + side
        return self.head(x.mean((2, 3)))


def branched(kind, **settings):
    torch.manual_seed(0)
    x = torch.randn(16, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    return score("naswot", Branched(kind), x, **settings)


@pytest.mark.parametrize("kind", ["times zero", "never used"])
def test_dead_branches_do_not_count(kind):
    assert branched(kind) == branched("absent")
    assert branched(kind, marked=False) == branched("used", marked=False) > branched("absent", marked=False)


def test_live_branches_count():
    assert branched("used") > branched("absent")


def test_units_that_are_off_do_not_hide_those_before_them():
    """A layer that is off for every image lets no gradient through, but it is on the path."""
    net = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 5), nn.ReLU(), nn.Linear(5, 2))
    net[2].weight.data.zero_().add_(1)
    net[2].bias.data.fill_(-1e6)
    k = Naswot().kernel(net, torch.randn(8, 6))
    assert (np.diag(k) == 14).all()


RECTIFIED = {
    "layer": nn.ReLU(),
    "in place": nn.ReLU(inplace=True),
    "relu6": nn.ReLU6(),
    "leaky": nn.LeakyReLU(),
    "prelu": nn.PReLU(),
}
BY_HAND = {
    "functional": F.relu,
    "torch": torch.relu,
    "method": lambda z: z.relu(),
    "written over": lambda z: F.relu(z, inplace=True),
    "underscore": lambda z: torch.relu_(z),
}


class ByHand(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.first, self.function, self.last = nn.Linear(6, 30), function, nn.Linear(30, 2)

    def forward(self, x):
        return self.last(self.function(self.first(x)))


@pytest.mark.parametrize("name", [*RECTIFIED, *BY_HAND])
def test_every_rectifier_is_seen_once(name):
    torch.manual_seed(0)
    net = ByHand({**RECTIFIED, **BY_HAND}[name])
    k = Naswot().kernel(net, torch.randn(8, 6, generator=torch.Generator().manual_seed(2)))
    assert (np.diag(k) == 30).all()
    reference = ByHand(F.relu)
    reference.load_state_dict(net.state_dict(), strict=False)
    other = Naswot().kernel(reference, torch.randn(8, 6, generator=torch.Generator().manual_seed(2)))
    np.testing.assert_array_equal(k, other)


def test_traced_networks_score_the_same():
    net, (x, _) = small(), images()
    assert score("naswot", torch.fx.symbolic_trace(net), x) == score("naswot", net, x)


def test_without_rectifiers():
    net, x = ByHand(F.gelu), torch.randn(8, 6)
    with pytest.raises(UserError, match="needs ReLU units, and this network calls none; smooth=True"):
        score("naswot", net, x)
    assert math.isfinite(score("naswot", net, x, smooth=True))
    with pytest.raises(UserError, match="needs ReLU units"):
        score("naswot", ByHand(F.hardtanh), x)
    with pytest.raises(UserError, match=r"calls none$"):
        score("naswot", nn.Linear(6, 2), x, smooth=True)


def test_one_image_is_not_enough():
    with pytest.raises(UserError, match="at least 2"):
        score("naswot", ByHand(F.relu), torch.randn(1, 6))


class Folded(nn.Module):
    def forward(self, x):
        return F.relu(x.reshape(-1, 2)).reshape(len(x), -1)


def test_images_must_stay_apart():
    with pytest.raises(UserError, match=r"shape \(24, 2\) does not keep the 8 images apart"):
        score("naswot", Folded(), torch.randn(8, 6))
