"""Elastic convolutions: slices, superposition, groups. Numbers of `methods/tanglenas.md`, "must show"."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from supernet_networks import count_flops, one, weights
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Ordinal
from archwright.supernet import ElasticConv2d, Product, Supernet

KERNEL = Ordinal("kernel", (3, 5, 7))
WIDTH = Ordinal("width", (2, 4, 8))


def reference(
    layer: ElasticConv2d, x: Tensor, *, out: int, inputs: int, kernel: int, groups: int = 1, bias: bool = True
) -> Tensor:
    """The small convolution, written with torch only; `x` has `inputs` channels."""
    crop = (layer.weight.shape[-1] - kernel) // 2
    weight = layer.weight[:out, : inputs // groups, crop : crop + kernel, crop : crop + kernel]
    shift = layer.bias[:out] if bias and layer.bias is not None else None
    padding = layer.padding - layer.dilation * crop
    return F.conv2d(x, weight, shift, layer.stride, padding, layer.dilation, groups)


def channels(x: Tensor, size: int) -> Tensor:
    """Pad with zero channels up to `size`."""
    return F.pad(x, (0, 0, 0, 0, 0, size - x.shape[1]))


def response(net: Supernet, arch: Any, size: int = 9) -> Tensor:
    """(out, size, size): what a single one in the middle of the first channel becomes under weights of one."""
    nn.init.ones_(net.module.weight)
    x = torch.zeros(1, net.module.weight.shape[1], size, size, dtype=torch.float64)
    x[0, 0, size // 2, size // 2] = 1.0
    return net(x, arch)[0]


def rings(side: int, *values: float) -> Tensor:
    """A (side, side) map with values[0] on the central 3 x 3 pixels, values[1] on the ring around it, ..."""
    distance = (torch.arange(side) - side // 2).abs()
    ring = torch.maximum(distance[:, None], distance[None, :])
    table = torch.tensor([values[0], *values, *[0.0] * side], dtype=torch.float64)
    return table[ring]


@pytest.mark.parametrize("stride", [1, 2])
def test_relaxed_kernel_is_the_sum_of_the_small_convolutions(stride: int) -> None:
    net = one(ElasticConv2d(3, 4, KERNEL, stride=stride), double=True)
    x = torch.randn(2, 3, 12, 12, dtype=torch.float64)
    a = (0.5, 0.3, 0.2)
    parts = [w * net(x, {"kernel": k}) for w, k in zip(a, (3, 5, 7))]
    torch.testing.assert_close(net(x, {"kernel": weights(*a)}), sum(parts), rtol=0, atol=1e-13)


@pytest.mark.parametrize("dilation", [1, 2])
def test_small_kernel_is_the_centre_and_keeps_the_image_size(dilation: int) -> None:
    net = one(ElasticConv2d(3, 4, KERNEL, dilation=dilation), double=True)
    x = torch.randn(2, 3, 13, 13, dtype=torch.float64)
    for k in KERNEL.options:
        expected = reference(net.module, x, out=4, inputs=3, kernel=k)
        assert expected.shape[-2:] == x.shape[-2:]
        torch.testing.assert_close(net(x, {"kernel": k}), expected, rtol=0, atol=0)


def test_multiplier_map_of_a_relaxed_kernel() -> None:
    net = one(ElasticConv2d(1, 1, KERNEL, bias=False), double=True)
    expected = rings(9, 1.0, 0.5, 0.2)
    torch.testing.assert_close(response(net, {"kernel": weights(0.5, 0.3, 0.2)})[0], expected, rtol=0, atol=1e-15)


def test_width_weights_multiply_output_rows() -> None:
    net = one(ElasticConv2d(1, WIDTH, 1, bias=False), double=True)
    rows = response(net, {"width": weights(0.5, 0.3, 0.2)}, size=1)[:, 0, 0]
    torch.testing.assert_close(rows, weights(1, 1, 0.5, 0.5, 0.2, 0.2, 0.2, 0.2), rtol=0, atol=1e-15)


def test_width_and_kernel_weights_multiply() -> None:
    net = one(ElasticConv2d(1, WIDTH, Ordinal("kernel", (3, 5)), bias=False), double=True)
    maps = response(net, {"width": weights(0.5, 0.3, 0.2), "kernel": weights(0.6, 0.4)})
    expected = [rings(9, core, ring) for core, ring in [(1.0, 0.4)] * 2 + [(0.5, 0.2)] * 2 + [(0.2, 0.08)] * 4]
    torch.testing.assert_close(maps, torch.stack(expected), rtol=0, atol=1e-15)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("groups", "stride", "dilation"), [(1, 1, 1), (2, 1, 1), (2, 2, 2)])
def test_all_sizes_relaxed_is_the_sum_over_all_slices(groups: int, stride: int, dilation: int, bias: bool) -> None:
    inputs, out, kernel = Ordinal("in", (2, 4)), Ordinal("out", (4, 6, 8)), Ordinal("kernel", (1, 3))
    layer = ElasticConv2d(inputs, out, kernel, groups=groups, stride=stride, dilation=dilation, bias=bias)
    net = one(layer, double=True)
    x = torch.randn(2, 4, 9, 9, dtype=torch.float64)
    arch = {"in": weights(0.7, 0.3), "out": weights(0.2, 0.5, 0.3), "kernel": weights(0.6, 0.4)}
    total = torch.zeros(())
    mixtures = (list(zip(arch[v.name], v.options)) for v in (inputs, out, kernel))
    for (a, i), (b, o), (c, k) in itertools.product(*mixtures):
        part = reference(layer, x[:, :i], out=o, inputs=i, kernel=k, groups=groups, bias=False)
        total = total + a * b * c * channels(part, 8)
    if bias:  # it depends on the output width alone
        mask = sum(b * (torch.arange(8) < o) for b, o in zip(arch["out"], out.options))
        total = total + (mask * layer.bias)[:, None, None]
    torch.testing.assert_close(net(x, arch), total, rtol=0, atol=1e-13)


def test_relaxed_number_of_groups_is_the_sum_over_the_numbers() -> None:
    groups = Ordinal("groups", (1, 2, 4))
    layer = ElasticConv2d(4, 8, 3, groups=groups, bias=False)
    net = one(layer, double=True)
    x = torch.randn(2, 4, 5, 5, dtype=torch.float64)
    parts = [reference(layer, x, out=8, inputs=4, kernel=3, groups=g) for g in groups.options]
    for g, part in zip(groups.options, parts):
        torch.testing.assert_close(net(x, {"groups": g}), part, rtol=0, atol=1e-13)
    a = (0.5, 0.2, 0.3)
    expected = sum(w * part for w, part in zip(a, parts))
    torch.testing.assert_close(net(x, {"groups": weights(*a)}), expected, rtol=0, atol=1e-13)


def test_relaxed_depthwise_convolution_is_the_sum_over_widths() -> None:
    layer = ElasticConv2d(WIDTH, WIDTH, Ordinal("kernel", (3, 5)), groups="depthwise")
    net = one(layer, double=True)
    x = torch.randn(2, 8, 6, 6, dtype=torch.float64)
    arch = {"width": weights(0.5, 0.3, 0.2), "kernel": 3}
    total = torch.zeros(())
    for a, c in zip((0.5, 0.3, 0.2), WIDTH.options):
        total = total + a * channels(reference_depthwise(layer, x[:, :c], 3), 8)
    torch.testing.assert_close(net(x, arch), total, rtol=0, atol=1e-13)
    assert layer.weight.shape == (8, 1, 5, 5)


def reference_depthwise(layer: ElasticConv2d, x: Tensor, kernel: int) -> Tensor:
    c, crop = x.shape[1], (layer.weight.shape[-1] - kernel) // 2
    weight = layer.weight[:c, :, crop : crop + kernel, crop : crop + kernel]
    return F.conv2d(x, weight, layer.bias[:c], padding=kernel // 2, groups=c)


@pytest.mark.parametrize("settings", [{}, {"stride": 2}, {"dilation": 2}, {"groups": 2}, {"groups": "depthwise"}])
def test_one_hot_equals_the_slice_for_every_choice(settings: dict[str, Any]) -> None:
    inputs = WIDTH if settings.get("groups") == "depthwise" else Ordinal("in", (2, 6))
    net = one(ElasticConv2d(inputs, WIDTH, KERNEL, **settings))
    for values in itertools.product(*(v.options for v in net.space.variables)):
        arch = net.space.arch(dict(zip(net.space.names, values)))
        x = torch.randn(2, arch.get("in", arch["width"]), 8, 8)
        small = net(x, arch)
        widest = 8 if settings.get("groups") == "depthwise" else 6
        relaxed = net(channels(x, widest), net.space.one_hot(arch))
        torch.testing.assert_close(relaxed, channels(small, 8), rtol=1e-5, atol=1e-5)


def test_only_the_largest_weight_is_stored() -> None:
    layer = ElasticConv2d(Ordinal("in", (2, 4)), WIDTH, KERNEL)
    assert sum(p.numel() for p in layer.parameters()) == 8 * 4 * 7 * 7 + 8
    assert set(layer.state_dict()) == {"weight", "bias"}


def test_relaxed_costs_one_convolution_and_concrete_the_small_one() -> None:
    net = one(ElasticConv2d(3, WIDTH, KERNEL, bias=False))
    x = torch.randn(1, 3, 8, 8)
    relaxed = {"width": weights(0.5, 0.3, 0.2), "kernel": weights(0.5, 0.3, 0.2)}
    assert count_flops(torch.ops.aten.convolution, net, x, relaxed) == 2 * 8 * 3 * 49 * 64
    assert count_flops(torch.ops.aten.convolution, net, x, {"width": 2, "kernel": 3}) == 2 * 2 * 3 * 9 * 64


def test_mixing_weights_differs_from_mixing_outputs_behind_batch_norm() -> None:
    """The documented limit of the superposition identity: it ends at the first normalisation."""

    class Normed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = ElasticConv2d(3, 4, KERNEL)
            self.norm = nn.BatchNorm2d(4, track_running_stats=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(self.conv(x))

    net = Supernet(Normed())
    x = torch.randn(4, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    outputs = sum(a * net(x, {"kernel": k}) for a, k in zip((0.5, 0.3, 0.2), (3, 5, 7)))
    assert (net(x, {"kernel": weights(0.5, 0.3, 0.2)}) - outputs).abs().max() > 0.1


def test_gradients_of_relaxed_weights() -> None:
    net = one(ElasticConv2d(Ordinal("in", (2, 4)), Ordinal("out", (2, 4)), Ordinal("kernel", (1, 3)), groups=2))
    net = net.double()
    x = torch.randn(2, 4, 4, 4, dtype=torch.float64, requires_grad=True)
    a, b, c = weights(0.6, 0.4, grad=True), weights(0.3, 0.7, grad=True), weights(0.5, 0.5, grad=True)
    assert torch.autograd.gradcheck(lambda x, a, b, c: net(x, {"in": a, "out": b, "kernel": c}), (x, a, b, c))


def test_gradients_reach_the_slice_only() -> None:
    net = one(ElasticConv2d(Ordinal("in", (2, 4)), WIDTH, KERNEL))
    net(torch.randn(1, 2, 8, 8), {"in": 2, "width": 4, "kernel": 3}).sum().backward()
    touched = torch.zeros(8, 4, 7, 7, dtype=torch.bool)
    touched[:4, :2, 2:5, 2:5] = True
    assert torch.equal(net.module.weight.grad != 0, touched)


def test_a_product_is_one_size() -> None:
    hidden = Product(WIDTH, Ordinal("expansion", (0.5, 1.5)))
    net = one(ElasticConv2d(3, hidden, 1))
    x = torch.randn(1, 3, 4, 4)
    sizes = {(w, e): net(x, {"width": w, "expansion": e}).shape[1] for w in WIDTH.options for e in (0.5, 1.5)}
    assert sizes == {(2, 0.5): 1, (2, 1.5): 3, (4, 0.5): 2, (4, 1.5): 6, (8, 0.5): 4, (8, 1.5): 12}


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((3, 4, Ordinal("k", (2, 3))), {}, "must be odd"),
        ((3, 4, KERNEL), {"padding": 1}, "padding 1 is too small"),
        ((4, 8, 3), {"groups": "depthwise"}, "keeps its channels"),
        ((6, 8, 3), {"groups": 4}, "6 channels do not divide into 4 groups"),
        ((Ordinal("in", (2, 3)), 4, 3), {"groups": 2}, "3 channels"),
        ((0, 4, 3), {}, "positive"),
        (("wide", 4, 3), {}, "got 'wide'"),
    ],
)
def test_impossible_sizes_are_refused(arguments: tuple[Any, ...], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ElasticConv2d(*arguments, **settings)
