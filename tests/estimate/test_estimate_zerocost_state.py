"""A score leaves the network as it was, whatever was scored before; and what it says when it cannot judge."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from zerocost_networks import images, small

from archwright import zoo
from archwright.errors import UserError
from archwright.estimate import SCORES, score
from archwright.estimate.zerocost import NotANumber

NAMES = SCORES.names()


def used():
    """A network in the middle of something: gradients, frozen parameters, mixed modes, a hook, counted batches."""
    net, (x, y) = small(), images()
    net.train()
    F.cross_entropy(net(x), y).backward()
    net.norm2.eval()
    net.head.requires_grad_(False)
    return net


def condition(net):
    return (
        {name: tensor.clone() for name, tensor in net.state_dict().items()},
        {name: (p.requires_grad, None if p.grad is None else p.grad.clone()) for name, p in net.named_parameters()},
        {name: part.training for name, part in net.named_modules()},
        {name: (len(p._forward_hooks), len(p._forward_pre_hooks)) for name, p in net.named_modules()},
        [id(p) for p in net.parameters()] + [id(b) for b in net.buffers()],
        torch.get_rng_state(),
        torch.is_grad_enabled(),
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_network_stays_as_it_was(name):
    net = used()
    before = condition(net)
    score(name, net, images())
    torch.testing.assert_close(condition(net), before, rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_the_network_stays_as_it_was_after_an_error(name):
    class Breaking(nn.Module):
        def forward(self, x):
            raise RuntimeError("broken")

    net = used()
    net.head = nn.Sequential(net.head, Breaking())
    before = condition(net)
    if name in ("l2-norm", "params"):
        score(name, net, images())
    else:
        with pytest.raises(RuntimeError, match="broken"):
            score(name, net, images())
    torch.testing.assert_close(condition(net), before, rtol=0, atol=0)


def test_the_order_of_scores_does_not_matter():
    net, batch = used(), images()
    forward = {name: score(name, net, batch, seed=1) for name in NAMES}
    backward = {name: score(name, net, batch, seed=1) for name in reversed(NAMES)}
    alone = {name: score(name, used(), batch, seed=1) for name in NAMES}
    assert forward == backward == alone


@pytest.mark.parametrize("name", NAMES)
def test_modes_and_gradients_outside_do_not_matter(name):
    net, batch = small(), images()
    value = score(name, net, batch)
    with torch.no_grad():
        assert score(name, net.eval(), batch) == value
    for p in net.parameters():
        p.requires_grad_(False)
    assert score(name, net, batch) == value


@pytest.mark.parametrize("name", NAMES)
def test_an_extracted_network_scores_as_its_path_does(name):
    supernet = zoo.build("nasbench201", in_channels=3, classes=4, image_size=8, channels=4, cells=1)
    arch = dict(zip((v.name for v in supernet.space.variables), ["nor_conv_3x3", "none", "skip_connect"] * 2))
    x, y = images(8, size=8)
    path, extracted = supernet.slice(arch).double(), supernet.extract(arch).double()
    assert score(name, extracted, (x, y)) == pytest.approx(score(name, path, (x, y)), rel=1e-9)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"params", "flops", "l2-norm", "synflow", "synflow-bn", "zen"}))
def test_the_batch_matters_to_those_that_look_at_it(name):
    net, (x, y) = small(), images()
    other = x.flip(3) if name != "epe-nas" else x.flip(0)
    assert score(name, net, (other.clone().mul_(1.3), y)) != score(name, net, (x, y))


@pytest.mark.parametrize("name", [n for n in NAMES if SCORES.load(n).labelled])
def test_labels_are_needed(name):
    net, (x, y) = small(), images()
    with pytest.raises(UserError, match="needs labels: give the batch as"):
        score(name, net, x)
    with pytest.raises(UserError, match=r"labels must have shape \(12,\), got \(5,\)"):
        score(name, net, (x, y[:5]))
    if name != "epe-nas":
        with pytest.raises(UserError, match="labels must be from 0 to 3, got 0 to 4"):
            score(name, net, (x, torch.arange(12) % 5))


@pytest.mark.parametrize("name", NAMES)
def test_another_device(name):
    net, (x, y) = small(), images()
    with pytest.raises(UserError, match="the network is on cpu but the batch is on meta"):
        score(name, net, (x.to("meta"), y.to("meta")))
    with pytest.raises(UserError, match="the labels are on meta but the batch is on cpu"):
        score(name, net, (x, y.to("meta")))


def test_unknown_names():
    with pytest.raises(UserError, match="unknown score 'sinflow'; did you mean 'synflow'"):
        score("sinflow", small(), images())
    with pytest.raises(UserError, match="score 'naswot' has no setting 'smoth'; did you mean 'smooth'"):
        score("naswot", small(), images(), smoth=True)


@pytest.mark.parametrize("name", ["jacov", "epe-nas", "snip", "grad-norm", "knas", "grasp", "fisher", "plain"])
def test_not_a_number(name):
    net, (x, y) = small(), images()
    net.head.weight.data.fill_(float("nan"))
    with pytest.raises(NotANumber, match=r"is not a number \(NaN\)"):
        score(name, net, (x, y))


def test_a_network_that_ignores_its_input():
    net = nn.Sequential(nn.Flatten(), nn.Linear(108, 4)).double()
    net[1].weight.data.zero_()
    with pytest.raises(NotANumber):
        score("jacov", net, images())
    assert score("snip", net, images()) == 0


@pytest.mark.parametrize("name", [n for n in NAMES if SCORES.load(n).labelled])
def test_the_output_must_be_logits(name):
    net = nn.Conv2d(3, 4, 3).double()
    if name == "epe-nas":
        assert score(name, net, images()) > 0
    else:
        with pytest.raises(UserError, match=r"must return logits \(N, classes\), got shape \(12, 4, 4, 4\)"):
            score(name, net, images())


def test_nothing_to_score():
    with pytest.raises(UserError, match="no convolution and no linear layer"):
        score("synflow", nn.ReLU(), images())
    with pytest.raises(UserError, match="a batch of at least 2"):
        score("jacov", small(), images(1))
    with pytest.raises(UserError, match="zen takes batch_size and repeats of at least 1"):
        score("zen", small(), images(), repeats=0)


def test_shared_weights_count_once():
    net = nn.Sequential(nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 5))
    value = score("l2-norm", net, torch.ones(2, 5))
    net[2].weight = net[0].weight
    assert score("l2-norm", net, torch.ones(2, 5)) == pytest.approx(net[0].weight.detach().norm().item())
    assert value > score("l2-norm", net, torch.ones(2, 5))


def test_networks_are_not_copied():
    class Whole(nn.Linear):
        def __deepcopy__(self, memo):
            raise AssertionError("copied")

    net = nn.Sequential(nn.Flatten(), Whole(108, 8), nn.ReLU(), nn.Linear(8, 4)).double()
    for name in NAMES:
        score(name, net, images())
    with pytest.raises(AssertionError):
        copy.deepcopy(net)


@pytest.mark.parametrize("name", NAMES)
def test_networks_that_take_one_layout_only(name):
    class Viewing(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(64, 4)

        def forward(self, x):
            return self.head(F.relu(self.conv(x)).view(len(x), -1))

    torch.manual_seed(0)
    net = Viewing().double()
    flexible = nn.Sequential(net.conv, nn.ReLU(), nn.Flatten(), net.head)
    if name != "zen":  # draws by the names of layers
        assert score(name, net, images()) == pytest.approx(score(name, flexible, images()), rel=1e-9)
