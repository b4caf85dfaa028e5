"""ProxylessNAS: published counts, the block that can be left out, small images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from archwright import cost, zoo
from archwright.errors import UserError
from archwright.supernet import Supernet
from archwright.zoo import proxyless
from archwright.zoo.proxyless import PHONE_WIDTHS, InvertedBottleneck

MOBILENET = ((6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def small(**settings: int) -> Supernet:
    return zoo.build("proxyless", **{"in_channels": 1, "classes": 3, "image_size": 8, "width": 0.25, **settings}).eval()


def test_published_size_and_candidates() -> None:
    net = zoo.build("proxyless", in_channels=3, classes=1000, image_size=224)
    assert net.space.size == 6**6 * 7**15 == 221_502_229_807_900_608
    assert cost.params(net.module.stages) == 14_339_184


def test_the_published_network_for_phones() -> None:
    net = zoo.build("proxyless", in_channels=3, classes=1000, image_size=224, widths=PHONE_WIDTHS)
    plain = net.slice(proxyless.phone())
    assert cost.params(plain) == 4_080_512
    assert cost.flops(plain, (1, 3, 224, 224)) == 2 * 320_427_584


def test_mobilenet_from_the_same_blocks() -> None:
    layers, before = [*proxyless._unit(3, 32, 3, stride=2), InvertedBottleneck(32, 16, 3, 1, stride=1)], 16
    for expansion, width, count, stride in MOBILENET:
        for n in range(count):
            layers.append(InvertedBottleneck(before, width, 3, expansion, stride=1 if n else stride))
            before = width
    layers += [*proxyless._unit(320, 1280, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000)]
    network = nn.Sequential(*layers)
    assert cost.params(network) == 3_504_872
    assert cost.flops(network, (1, 3, 224, 224)) == 2 * 300_774_272


@pytest.mark.parametrize(("size", "side"), [(4, 4), (8, 4), (28, 7), (32, 4), (64, 4), (224, 7)])
def test_small_images_are_halved_less(size: int, side: int) -> None:
    net = small(image_size=size)
    sides: list[int] = []
    net.module.stages.register_forward_hook(lambda _m, _x, out: sides.append(out.shape[-1]))
    assert net(torch.randn(1, 1, size, size), net.space.sample(np.random.default_rng(0))).shape == (1, 3)
    assert sides == [side]


def test_the_first_strides_go_first() -> None:
    assert proxyless._strides(224, 6) == [2, 2, 2, 2, 1, 2, 1]
    assert proxyless._strides(32, 6) == [1, 1, 2, 2, 1, 2, 1]
    assert proxyless._strides(8, 3) == [1, 1, 1, 2]


def test_only_blocks_with_a_shortcut_can_be_left_out() -> None:
    space = small(width=1).space
    assert {n for n in space.names if "zero" not in space[n].options} == {f"stage{s}.block1" for s in range(1, 7)}


def test_a_block_left_out_is_its_shortcut() -> None:
    net = small(stages=1, blocks=2, width=1)
    block, x = net.module.stages[0][1], torch.randn(2, 1, 8, 8)
    arch = {"stage1.block1": "mb_k3_e3", "stage1.block2": "zero"}
    runs: list[int] = []
    for m in block.operation.options:
        m.register_forward_hook(lambda *_: runs.append(1))
    seen: list[bool] = []
    block.register_forward_hook(lambda _m, x, out: seen.append(torch.equal(x[0], out)))
    net(x, arch)
    assert (seen, runs) == ([True], [])
    assert cost.params(net.slice(arch).stages[0][1]) == 0
    net(x, {**arch, "stage1.block2": torch.full((7,), 1 / 7)})
    assert (seen, len(runs)) == ([True, False], 6)  # the mixture has no use for running nothing


def test_settings_shrink_the_chain() -> None:
    net = small(stages=3, blocks=2, head=64)
    assert net.space.names == tuple(f"stage{s}.block{b}" for s in (1, 2, 3) for b in (1, 2))
    assert net.module.head[0].out_channels == 64
    assert proxyless._rounded(10) == 16  # a multiple of 8 that takes away at most a tenth
    assert proxyless._rounded(44.8) == 48


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0}, "width must be a number above 0"),
        ({"stages": 7}, "stages must be from 1 to 6, got 7"),
        ({"blocks": 0}, "blocks and head must be at least 1"),
        ({"widths": (8, 8)}, "widths must be 6 numbers above 0"),
        ({"image_size": 3}, "image_size must be from 4 to 512"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        small(**settings)
