"""Every score against a slow implementation that follows the text, in float64."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from zerocost_networks import images, small

from archwright.estimate import score

NETS = {"with norm": small, "without norm": lambda: small(norm=False)}

pytestmark = pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")


@pytest.fixture(params=NETS)
def net(request):
    return NETS[request.param]()


def layers(net):
    return [m for m in net.modules() if isinstance(m, nn.Conv1d | nn.Conv2d | nn.Linear)]


def backward(net, x, y):
    net = copy.deepcopy(net).train()
    F.cross_entropy(net(x), y).backward()
    return layers(net)


def norm(net, x, y):
    return sum(math.sqrt(sum(float(v) ** 2 for v in m.weight.grad.flatten())) for m in backward(net, x, y))


def snip(net, x, y):
    return sum(
        abs(float(g * w))
        for m in backward(net, x, y)
        for g, w in zip(m.weight.grad.flatten(), m.weight.detach().flatten())
    )


def plain(net, x, y):
    return sum(
        float(g * w) for m in backward(net, x, y) for g, w in zip(m.weight.grad.flatten(), m.weight.detach().flatten())
    )


def l2(net, x, y):
    return sum(math.sqrt(float((m.weight**2).sum())) for m in layers(net))


def grasp(net, x, y, step=1e-6):
    """Hessian times gradient as a finite difference of the gradient along itself."""
    g = [m.weight.grad.clone() for m in backward(net, x, y)]
    ends = []
    for sign in (1, -1):
        moved = copy.deepcopy(net)
        for m, d in zip(layers(moved), g):
            m.weight.data.add_(d, alpha=sign * step)
        ends.append([m.weight.grad for m in backward(moved, x, y)])
    return -sum(float((m.weight * (a - b) / (2 * step)).sum()) for m, a, b in zip(layers(net), *ends))


def fisher(net, x, y):
    net = copy.deepcopy(net).train()
    outs = []
    for m in layers(net):
        m.register_forward_hook(lambda m, i, o: outs.append((m, o)) or o.clone())
    found = F.cross_entropy(net(x), y)
    total = 0.0
    for m, a in outs:
        (da,) = torch.autograd.grad(found, a, retain_graph=True)
        for c in range(a.shape[1]):
            sums = [float((a[n, c] * da[n, c]).sum()) for n in range(len(x))]
            total += 0.5 * sum(s**2 for s in sums) / len(x) * m.weight.numel() / a.shape[1]
    return total


def jacobian(net, x):
    net, x = copy.deepcopy(net).train(), x.clone().requires_grad_()
    net(x).backward(torch.ones(len(x), 4, dtype=torch.float64))
    return x.grad.flatten(1).numpy()


def jacov(net, x, y):
    v = np.linalg.eigvalsh(np.corrcoef(jacobian(net, x)))
    return -sum(math.log(e + 1e-5) + 1 / (e + 1e-5) for e in v)


def epe(net, x, y):
    rows = jacobian(net, x)
    total = 0.0
    for c in sorted(set(y.tolist())):
        matrix = np.corrcoef(rows[y.numpy() == c])
        total += abs(np.log(np.abs(matrix) + 1e-5).sum())
    return total


def flow(net, x, *, bn):
    net = copy.deepcopy(net).train(bn)
    for value in net.state_dict().values():
        if value.is_floating_point():
            value.abs_()
    if not bn:
        net.norm1 = net.norm2 = nn.Identity()
    net(torch.ones_like(x[:1])).sum().backward()
    return math.log(sum((m.weight * m.weight.grad).abs().sum().item() for m in layers(net)))


def naswot(net, x, y):
    """Codes of the three rectifiers, image by image."""
    net = copy.deepcopy(net).train()
    seen = []
    before = net.norm1(net.stem(x))
    seen.append(before > 0)
    first = before.relu()
    second = net.norm2(net.conv(first))
    seen.append(second > 0)
    seen.append(first + second.relu() - 0.5 > 0)
    codes = [[bool(v) for s in seen for v in s[n].flatten()] for n in range(len(x))]
    k = [[sum(a == b for a, b in zip(p, q)) for q in codes] for p in codes]
    return np.linalg.slogdet(np.array(k, dtype=float))[1]


def biased(m, inputs, out):
    count = inputs[0].numel() / m.num_features
    m.running_var.mul_((count - 1) / count)


def mean_gram(net, x, y):
    """Gradients one example at a time, with the statistics of the batch put into normalisation beforehand."""
    net = copy.deepcopy(net)
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    for m in norms:
        m.reset_running_stats()
        m.momentum = 1.0
        m.register_forward_hook(biased)
    net.train()(x)
    for m in norms:
        m._forward_hooks.clear()
    rows = []
    for n in range(len(x)):
        net.eval().zero_grad()
        F.cross_entropy(net(x[n : n + 1]), y[n : n + 1]).backward()
        rows.append(torch.cat([p.grad.flatten() for p in net.parameters()]))
    return sum(float(a @ b) for a in rows for b in rows) / len(x) ** 2


LITERAL = {
    "grad-norm": norm,
    "snip": snip,
    "plain": plain,
    "l2-norm": l2,
    "grasp": grasp,
    "fisher": fisher,
    "jacov": jacov,
    "epe-nas": epe,
    "synflow": lambda net, x, y: flow(net, x, bn=False),
    "synflow-bn": lambda net, x, y: flow(net, x, bn=True),
    "naswot": naswot,
    "knas": mean_gram,
    "params": lambda net, x, y: sum(p.numel() for p in net.parameters()),
    "flops": lambda net, x, y: 2 * 36 * (3 * 6 * 9 + 3 * 6 * 9) + 2 * 6 * 4,
}


@pytest.mark.parametrize("name", LITERAL)
def test_agrees_with_the_text(name, net):
    x, y = images()
    assert score(name, net, (x, y)) == pytest.approx(LITERAL[name](net, x, y), rel=1e-4 if name == "grasp" else 1e-8)


def test_zen_agrees_with_the_text(net):
    x, _ = images()
    torch.manual_seed(5)  # the order in which it draws: layers by name, then the images
    literal = copy.deepcopy(net).train()
    for _, m in sorted(literal.named_modules()):
        if isinstance(m, nn.Conv2d | nn.Linear):
            nn.init.normal_(m.weight)
            if m.bias is not None:
                nn.init.zeros_(m.bias)
        if isinstance(m, nn.BatchNorm2d):
            m.reset_parameters()
    image, noise = (torch.empty(16, 3, 6, 6, dtype=torch.float64).normal_() for _ in range(2))

    def features(x):
        x = literal.norm1(literal.stem(x)).relu()
        return (x + literal.norm2(literal.conv(x)).relu() - 0.5).relu()

    moved = features(image) - features(image + 0.01 * noise)
    value = math.log(float(moved.abs().sum((1, 2, 3)).mean()))
    for m in literal.modules():
        if isinstance(m, nn.BatchNorm2d):
            value += math.log(math.sqrt(float(m.running_var.mean())))
    assert score("zen", net, x, seed=5) == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize("classes", [3, 101])
def test_epe_nas_changes_its_form_with_many_classes(classes):
    torch.manual_seed(0)
    net, x, y = nn.Sequential(nn.Linear(7, 9), nn.ReLU(), nn.Linear(9, classes)).double(), None, None
    x, y = torch.randn(2 * classes, 7, dtype=torch.float64), torch.arange(2 * classes) % classes
    leaf = x.clone().requires_grad_()
    net(leaf).sum().backward()
    inside = [np.log(np.abs(np.corrcoef(leaf.grad[y == c].numpy())) + 1e-5) for c in range(classes)]
    if classes <= 100:
        value = sum(abs(m.sum()) for m in inside)
    else:
        means = [m.mean() for m in inside]
        value = sum(abs(a - b) for i, a in enumerate(means) for b in means[:i]) / classes
    assert score("epe-nas", net, (x, y)) == pytest.approx(value, rel=1e-8)


class Wavy(nn.Module):
    """Negative activations, slopes and inputs of layers: the short cut of SynFlow does not hold."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.stem, self.norm1, self.norm2 = nn.Conv2d(3, 5, 3), nn.Identity(), nn.Identity()
        self.conv, self.head = nn.Conv1d(5, 4, 2), nn.Linear(4, 3)

    def forward(self, x):
        x = self.stem(x).flatten(2)
        if self.kind == "negative inputs":
            x = x - 1
        x = self.conv(x).mean(2)
        if self.kind == "negative slopes":
            x = torch.cos(x)
        if self.kind == "added in place":
            x += 0.25
        return self.head(x)


@pytest.mark.parametrize("kind", ["", "negative inputs", "negative slopes", "added in place"])
def test_flow_of_networks_that_are_not_monotone(kind):
    torch.manual_seed(0)
    net, (x, _) = Wavy(kind).double(), images()
    assert score("synflow", net, x) == pytest.approx(flow(net, x, bn=False), rel=1e-10)
