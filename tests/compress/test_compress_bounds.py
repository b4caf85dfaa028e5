from __future__ import annotations

import copy
import itertools
import math
import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from compress_networks import residual
from torch import Tensor, nn

from archwright import data
from archwright.compress import certificate, convolution_norm, gaps, predicted_norm, required_width, spectral_norm
from archwright.compress._operator_norm import operator_norm
from archwright.compress._predicted_norm import Tail
from archwright.errors import UserError
from archwright.train import Trainer, evaluate


def uniform(*shape: int, scale: float, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1) * scale


def pruned(weight: Tensor, fraction: float, criterion: str, seed: int = 0) -> Tensor:
    """Exactly the share `fraction` of the entries set to zero."""
    generator = torch.Generator().manual_seed(1000 + seed)
    scores = weight.abs() if criterion == "magnitude" else torch.rand(weight.shape, generator=generator)
    out = weight.clone().flatten()
    out[scores.flatten().argsort()[: round(fraction * weight.numel())]] = 0
    return out.reshape(weight.shape)


def perceptron(width: int, *, inputs: int = 20, outputs: int = 1, seed: int = 0, relu: bool = True) -> nn.Sequential:
    """Four layers without biases, weights uniform within 1 / sqrt(width)."""
    sizes, parts = [inputs, width, width, width, outputs], []
    for n, (a, b) in enumerate(itertools.pairwise(sizes)):
        layer = nn.Linear(a, b, bias=False).double()
        layer.weight = nn.Parameter(uniform(b, a, scale=width**-0.5, seed=10 * seed + n))
        parts += [layer, nn.ReLU() if relu else nn.Identity()]
    return nn.Sequential(*parts[:-1])


def without(net: nn.Sequential, fraction: float, criterion: str) -> nn.Sequential:
    """Its hidden matrices pruned."""
    small = copy.deepcopy(net)
    for n in (2, 4):
        layer = small[n]
        assert isinstance(layer, nn.Linear)
        layer.weight = nn.Parameter(pruned(layer.weight.detach(), fraction, criterion, n))
    return small.float()


@pytest.mark.parametrize(
    ("size", "fraction", "tolerance"),
    [
        (512, 0.5, 0.03),
        (512, 0.2, 0.03),
        (256, 0.05, 0.1),
        pytest.param(1024, 0.05, 0.03, marks=pytest.mark.slow),
    ],
)
def test_norms_of_uniform_matrices_are_as_predicted(size: int, fraction: float, tolerance: float) -> None:
    weight = uniform(size, size, scale=size**-0.5, seed=size)
    found = {}
    for criterion, bai_yin in (("magnitude", 2 * fraction**1.5 / 3**0.5), ("random", 2 * (fraction / 3) ** 0.5)):
        predicted = predicted_norm((size, size), fraction, scale=size**-0.5, criterion=criterion)  # type: ignore[arg-type]
        assert predicted.bai_yin == pytest.approx(bai_yin)
        found[criterion] = spectral_norm(weight - pruned(weight, fraction, criterion))
        assert found[criterion] == pytest.approx(bai_yin, rel=tolerance)
    assert found["magnitude"] / found["random"] == pytest.approx(fraction, rel=tolerance)


def test_norms_of_a_rectangle_and_of_normal_weights() -> None:
    weight = uniform(400, 1000, scale=1000**-0.5, seed=1)
    predicted = predicted_norm((400, 1000), 0.3, scale=1000**-0.5)
    assert predicted.bai_yin == pytest.approx(0.1549, abs=5e-5)
    assert spectral_norm(weight - pruned(weight, 0.3, "magnitude")) == pytest.approx(predicted.bai_yin, rel=0.03)
    normal = torch.randn(512, 512, generator=torch.Generator().manual_seed(0), dtype=torch.float64) / 512**0.5
    for fraction, magnitude, random in ((0.5, 0.5341, 1.4142), (0.2, 0.1303, 0.8944)):
        for criterion, expected in (("magnitude", magnitude), ("random", random)):
            known = predicted_norm((512, 512), fraction, scale=512**-0.5, law="gaussian", criterion=criterion)  # type: ignore[arg-type]
            assert known.bai_yin == pytest.approx(expected, abs=1e-4)
            assert spectral_norm(normal - pruned(normal, fraction, criterion)) == pytest.approx(expected, rel=0.03)


def test_moments_by_hand() -> None:
    assert predicted_norm((1, 1), 0.5, scale=1, law="gaussian").variance == pytest.approx(0.0713263, abs=1e-6)
    assert predicted_norm((1, 1), 0.2, scale=2, law="gaussian").variance == pytest.approx(4 * 0.0042425, abs=4e-7)
    at = predicted_norm((100, 100), 0.4, scale=0.1)
    assert at.variance == pytest.approx(0.4**3 * 0.01 / 3)
    assert at.fourth == pytest.approx(0.4**5 * 0.0001 / 5)
    assert at.latala == pytest.approx(2 * (0.4**3 / 3) ** 0.5 + (0.4**5 / 5) ** 0.25)
    at = predicted_norm((100, 100), 0.4, scale=0.1, criterion="random")
    assert at.latala == pytest.approx(2 * (0.4 / 3) ** 0.5 + (0.4 / 5) ** 0.25)
    z = torch.randn(2_000_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    small = z[z.abs() <= 0.67449]
    assert predicted_norm((1, 1), 0.5, scale=1, law="gaussian").fourth == pytest.approx(
        float((small**4).sum()) / len(z), rel=0.01
    )
    whole = predicted_norm((1, 1), 1.0, scale=1, law="gaussian")
    assert (whole.variance, whole.fourth) == (1, 3)


@pytest.mark.parametrize(("fraction", "magnitude", "random"), [(0.5, 0.4082, 0.8165), (0.2, 0.1033, 0.5164)])
def test_norms_of_a_convolution_are_as_predicted(fraction: float, magnitude: float, random: float) -> None:
    weight = uniform(64, 64, 3, 3, scale=(9 * 64) ** -0.5, seed=3)
    for criterion, expected in (("magnitude", magnitude), ("random", random)):
        known = predicted_norm((64, 64, 3, 3), fraction, scale=(9 * 64) ** -0.5, criterion=criterion)  # type: ignore[arg-type]
        assert known.bai_yin == pytest.approx(expected, abs=1e-4)
        lost = weight - pruned(weight, fraction, criterion)
        assert convolution_norm(lost, (16, 16), padding="circular") == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("dilation", [1, 2])
def test_norm_of_a_convolution_against_its_matrix(stride: int, groups: int, dilation: int) -> None:
    for padding, exact in (("circular", True), ("zeros", False)):
        layer = nn.Conv2d(4, 6, 3, stride, dilation, dilation, groups, False, padding).double()  # type: ignore[arg-type]
        identity = torch.eye(4 * 36, dtype=torch.float64).reshape(-1, 4, 6, 6)
        matrix = layer(identity).detach().flatten(1)
        true, found = float(torch.linalg.matrix_norm(matrix, 2)), operator_norm(layer, layer.weight, (4, 6, 6))
        if exact:
            assert found == pytest.approx(true)
        else:
            assert true * (1 - 1e-9) <= found <= 1.5 * true


def test_norm_of_a_one_dimensional_convolution() -> None:
    layer = nn.Conv1d(3, 5, 4, padding=0, bias=False).double()
    matrix = layer(torch.eye(27, dtype=torch.float64).reshape(27, 3, 9)).detach().flatten(1)
    true = float(torch.linalg.matrix_norm(matrix, 2))
    assert true * (1 - 1e-9) <= operator_norm(layer, layer.weight, (3, 9)) <= 1.5 * true


def test_norm_of_a_large_matrix_is_an_upper_bound_within_one_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = uniform(400, 300, scale=0.1, seed=5)
    true = spectral_norm(weight)
    monkeypatch.setattr("archwright.compress._operator_norm._EXACT", 100)
    assert true <= spectral_norm(weight) <= 1.0100001 * true
    assert true <= spectral_norm(weight.T) <= 1.0100001 * true
    assert spectral_norm(torch.zeros(200, 200)) == 0


CHECKED = {
    128: (0.233, (0.0018, 0.134), (0.0072, 0.545)),
    512: (0.154, (0.0005, 0.063), (0.0029, 0.391)),
    1024: (0.125, (0.0003, 0.044), (0.0018, 0.342)),
}
"""width: fraction, then largest distance and certificate for magnitude and random pruning."""


@pytest.mark.parametrize("width", [128, 512, pytest.param(1024, marks=pytest.mark.slow)])
def test_certificate_and_measurement(width: int) -> None:
    share, *values = CHECKED[width]
    fraction = width**-0.3
    assert fraction == pytest.approx(share, abs=5e-4)
    net = perceptron(width).float()
    x = F.normalize(torch.randn(2000, 20, generator=torch.Generator().manual_seed(0)))
    for criterion, (distance, bound) in zip(("magnitude", "random"), values):
        small = without(net, fraction, criterion)
        found = certificate(net, small, 1.0, (20,))
        worst = float(gaps(net, small, x).max())
        assert found.bound == pytest.approx(bound, rel=0.08)
        assert worst == pytest.approx(distance, rel=0.6)  # one random network is not another
        assert 40 < found.bound / worst < 400
        assert found.bound == pytest.approx(sum(layer.part for layer in found.layers.values()))
        predicted = predicted_norm((width, width), fraction, scale=width**-0.5, criterion=criterion)  # type: ignore[arg-type]
        less = 1.0 if criterion == "magnitude" else (1 - fraction) ** 0.5  # ||W'|| of ||W||
        closed = (1 + (20 / width) ** 0.5) / 3 * 2 / 3**0.5 * (1 + less) * predicted.bai_yin
        assert found.bound == pytest.approx(closed, rel=0.08)


def test_norms_fall_with_the_width_at_the_predicted_rate() -> None:
    for criterion, slope in (("magnitude", -0.45), ("random", -0.15)):
        logs = []
        for width in (64, 128, 256, 512):
            weight = uniform(width, width, scale=width**-0.5, seed=width)
            lost = weight - pruned(weight, width**-0.3, criterion)
            logs.append((math.log(width), math.log(spectral_norm(lost))))
        x, y = torch.tensor(logs, dtype=torch.float64).T
        found = float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())
        assert found == pytest.approx(slope, abs=0.04)


@pytest.mark.parametrize("width", [128, 512])
def test_worst_input_of_a_linear_network(width: int) -> None:
    """What is lost by multiplying norms is a small factor; the rest of the slack comes from random inputs."""
    for inputs, outputs, low, high in ((width, width, 5.0, 8.5), (20, 1, 10.0, 45.0)):
        net = perceptron(width, inputs=inputs, outputs=outputs, relu=False)
        for criterion in ("magnitude", "random"):
            small = without(net, width**-0.3, criterion).double()
            whole, less = (torch.linalg.multi_dot([p.detach().T for p in n.parameters()]) for n in (net, small))
            worst = torch.linalg.svd((whole - less).T).Vh[0]
            found = certificate(net.float(), small.float(), 1.0, (inputs,)).bound
            distance = float(gaps(net.float(), small.float(), worst[None].float()))
            assert distance == pytest.approx(spectral_norm(whole - less), rel=1e-3)
            assert low < found / distance < high
            relu = nn.Sequential(*[nn.ReLU() if isinstance(m, nn.Identity) else m for m in net])
            less_relu = nn.Sequential(*[nn.ReLU() if isinstance(m, nn.Identity) else m for m in small])
            assert certificate(relu, less_relu, 1.0, (inputs,)).bound == pytest.approx(found)
            net.double(), small.double()


def networks() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, 2),
            nn.LeakyReLU(0.1), nn.AvgPool2d(2, 1), nn.Flatten(), nn.Linear(8 * 2 * 2, 16), nn.GELU(), nn.Dropout(0.2),
            nn.Linear(16, 4),
        )  # fmt: skip
        first = nn.Sequential(nn.BatchNorm2d(2), nn.MaxPool2d(3, 2, 1), nn.SiLU(), nn.AdaptiveAvgPool2d(2))
        odd = nn.Sequential(nn.Conv1d(2, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(32, 3), nn.ELU(2.0))
        for module in (plain, first):
            module.train()
            for _ in range(10):
                module(3 + torch.randn(16, 1 if module is plain else 2, 16, 16))
    return {
        "plain": (plain.eval(), (1, 16, 16)),
        "pool": (first.eval(), (2, 16, 16)),
        "one-dimensional": (odd.eval(), (2, 10)),
        "residual": (residual(), (1, 8, 8)),
    }


@pytest.mark.parametrize("name", networks())
@pytest.mark.parametrize("everything", [False, True])
def test_no_input_is_beyond_its_certificate(name: str, everything: bool) -> None:
    """Also where biases and statistics change, by far; the worst input is searched by gradient."""
    net, shape = networks()[name]
    small = copy.deepcopy(net)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in small.state_dict().values():
            if tensor.ndim > 1:
                tensor.copy_(pruned(tensor, 0.4, "magnitude"))
            elif everything and tensor.is_floating_point():
                tensor.mul_(1 + 0.3 * torch.rand(tensor.shape, generator=generator))
    x = torch.randn(50, *shape, generator=generator, requires_grad=True)
    for _ in range(20):
        (slope,) = torch.autograd.grad((net(x) - small(x)).square().flatten(1).sum(), x)
        x = (x + 0.3 * F.normalize(slope.flatten(1)).reshape(x.shape)).detach().requires_grad_(True)
    for radius in (0.1, 5.0):
        inputs = (radius * F.normalize(x.detach().flatten(1))).reshape(x.shape)
        found = certificate(net, small, radius, shape)
        worst = float(gaps(net, small, inputs).max())
        assert worst <= found.bound + 1e-5
        assert not worst or math.isfinite(found.bound)
    if not everything and name == "pool":
        assert found.bound == 0


def test_equal_networks_have_distance_zero() -> None:
    net = residual()
    found = certificate(net, net, 3.0, (1, 8, 8))
    assert found.bound == 0
    assert list(found.layers) == ["stem", "first", "second", "head"]
    assert found.layers["head"].norm == pytest.approx(spectral_norm(net.head.weight))


def test_what_is_no_certificate() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Sigmoid())
    with pytest.raises(UserError, match=r"^a certificate needs Lipschitz constants, and aten.sigmoid.default has none"):
        certificate(net, net, 1.0, (4,))
    with pytest.raises(UserError, match="differ in numbers only"):
        certificate(nn.Sequential(nn.Linear(4, 4)), nn.Sequential(nn.Linear(4, 5)), 1.0, (4,))
    with pytest.raises(UserError, match="radius must be a finite number of at least 0, got -1"):
        certificate(net, net, -1, (4,))
    with pytest.raises(UserError, match="unknown criterion 'smallest'"):
        predicted_norm((2, 2), 0.5, scale=1, criterion="smallest")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="entries of normal weights"):
        required_width(0.1, 0.1, law="gaussian", criterion="random", tail="entries")


def test_markov_covers() -> None:
    delta, norms = 0.1, []
    for seed in range(200):
        weight = uniform(64, 64, scale=1 / 8, seed=seed)
        norms.append(spectral_norm(weight - pruned(weight, 0.3, "random", seed)))
    mean = sum(norms) / len(norms)
    beyond = sum(norm > mean / delta for norm in norms) / len(norms)
    assert beyond <= delta
    assert mean == pytest.approx(predicted_norm((64, 64), 0.3, scale=1 / 8, criterion="random").bai_yin, rel=0.05)


@pytest.mark.parametrize("tail", ["markov", "entries"])
@pytest.mark.parametrize("latala", [None, 1.0])
def test_required_width_is_the_least_that_meets_the_bound(tail: Tail, latala: float | None) -> None:
    wide = required_width(0.5, 0.1, tail=tail, latala=latala)
    assert wide.bound <= 0.5
    assert wide.fraction == pytest.approx(wide.width**-0.3)
    assert required_width(wide.bound * 1.01, 0.1, tail=tail, latala=latala).width <= wide.width
    assert required_width(0.05, 0.1, tail=tail, latala=latala).width > wide.width
    assert required_width(0.5, 0.01, tail=tail, latala=latala).width > wide.width
    assert required_width(0.5, 0.1, tail=tail, latala=latala, criterion="random").width > wide.width


def test_required_width_keeps_its_promise() -> None:
    """Concentration is sharp enough for a width that can be drawn."""
    wide = required_width(0.3, 0.1, tail="entries", alpha=0.6)
    assert 50 < wide.width < 800
    for seed in range(3):
        net = perceptron(wide.width, seed=seed)
        for n in (0, 6):
            layer = net[n]
            assert isinstance(layer, nn.Linear)
            layer.weight = nn.Parameter(layer.weight.detach() / spectral_norm(layer.weight))
        assert certificate(net.float(), without(net, wide.fraction, "magnitude"), 1.0, (20,)).bound <= 0.3


@pytest.mark.slow
def test_trained_perceptron() -> None:
    """Weights after training are not independent: certificates hold, predictions do not."""
    if not (Path(os.environ.get("ARCHWRIGHT_DATA", "nowhere")) / "images" / "fashion_mnist").is_dir():
        pytest.skip("Fashion-MNIST is in $ARCHWRIGHT_DATA/images/fashion_mnist, which is not here")
    splits = data.load("fashion-mnist", seed=0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
        )
    list(Trainer(epochs=3, lr=0.05, augment=None).fit(net, splits, seed=0))
    x, _ = next(iter(splits.test.batches(1000)))
    dense, lost, factor = evaluate(net, splits.test)["accuracy"], {}, {}
    for criterion in ("magnitude", "random"):
        small = copy.deepcopy(net)
        layer = small[3]
        assert isinstance(layer, nn.Linear)
        weight = layer.weight.detach().clone()
        layer.weight = nn.Parameter(pruned(weight, 0.5, criterion))
        radius = float(x.flatten(1).norm(dim=1).max())
        found = certificate(net, small, radius, splits.input_shape)
        assert float(gaps(net, small, x).max()) <= found.bound
        lost[criterion] = dense - evaluate(small, splits.test)["accuracy"]
        scale = float(weight.square().mean().sqrt()) * 3**0.5
        predicted = predicted_norm(tuple(weight.shape), 0.5, scale=scale, criterion=criterion).bai_yin
        factor[criterion] = found.layers["3"].difference / predicted
    assert lost["magnitude"] < lost["random"]
    assert factor["random"] > 1.1  # a trained matrix has a few large singular values
