"""`convnet`: one space for images of 8 to 512 pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from archwright import cost, zoo
from archwright.errors import UserError
from archwright.space import Ordinal
from archwright.supernet import Supernet, extreme


def build(image_size: int | None, **settings: float) -> Supernet:
    return zoo.build("convnet", in_channels=3, classes=10, image_size=image_size, **settings)


def largest(net: Supernet) -> dict[str, int]:
    return dict(extreme(net.space, np.random.default_rng(0), largest=True))


@pytest.mark.parametrize(
    ("image_size", "stages", "side"),
    [(8, 2, 4), (9, 2, 5), (16, 2, 8), (28, 3, 7), (31, 3, 8), (32, 3, 8), (64, 3, 8), (96, 4, 6), (224, 4, 7)],
)
def test_the_chain_scales_with_the_image(image_size: int, stages: int, side: int) -> None:
    net = build(image_size).eval()
    assert sum(name.endswith(".width") for name in net.space.names) == stages
    sides: list[int] = []
    net.module.stages.register_forward_hook(lambda _m, _x, out: sides.append(out.shape[-1]))
    for arch in (largest(net), net.space.sample(np.random.default_rng(0))):
        assert net(torch.randn(1, 3, image_size, image_size), arch).shape == (1, 10)
    assert sides == [side, side]


@pytest.mark.parametrize(("image_size", "low", "high"), [(8, 35e3, 40e3), (32, 0.15e6, 0.17e6), (224, 1.0e6, 1.2e6)])
def test_parameters_of_the_largest_network(image_size: int, low: float, high: float) -> None:
    net = zoo.build("convnet", in_channels=1 if image_size == 8 else 3, classes=10, image_size=image_size)
    assert low < cost.params(net.slice(largest(net))) < high


def test_larger_sizes_cost_more() -> None:
    net, rng = build(32), np.random.default_rng(0)
    ordinals = [v for v in net.space.variables if isinstance(v, Ordinal)]
    assert len(ordinals) == len(net.space.variables)
    for arch in (net.space.sample(rng) for _ in range(5)):
        params = cost.params(net.slice(arch))
        for v in ordinals:
            if arch.get(v.name, v.options[0]) != v.options[0]:
                smaller = net.space.canonical({**arch, v.name: v.options[v.index(arch[v.name]) - 1]})
                assert cost.params(net.slice(smaller)) < params


@pytest.mark.parametrize("image_size", [8, 32])
def test_depth_does_not_matter_at_the_start(image_size: int) -> None:
    """BigNAS, must show 3: in eval mode, at one width, the deepest and the shallowest network give the same logits."""
    net = build(image_size).eval()
    deep, rng = largest(net), np.random.default_rng(0)
    x = torch.randn(2, 3, image_size, image_size)
    shallow = net.space.canonical({n: 0 if n.endswith(".depth") else v for n, v in deep.items()})
    assert len(shallow) < len(deep)
    with torch.no_grad():
        assert (net(x, deep) - net(x, shallow)).abs().max() <= 1e-6
        other = net.space.sample(rng)
        fixed = {n: v for n, v in deep.items() if n.endswith(".width")}
        assert (net(x, net.space.arch({**other, **fixed})) - net(x, deep)).abs().max() <= 1e-6
        narrow = {**deep, "stage1.width": net.space["stage1.width"].options[0]}
        assert (net(x, narrow) - net(x, deep)).abs().max() > 1e-3


def test_width_multiplies_all_widths_in_steps_of_four() -> None:
    one, two = build(32), build(32, width=2.0)
    for name in ("stage1.width", "stage2.width", "stage3.width"):
        assert two.space[name].options[-1] == 2 * one.space[name].options[-1]
        assert all(o % 4 == 0 for o in two.space[name].options)
    assert build(8, width=0.01).space["stage1.width"].options == (4,)


def test_blocks_cap_the_depth() -> None:
    depths = {blocks: [v.options[-1] for v in build(32, blocks=blocks).space.variables if v.name.endswith("depth")]
              for blocks in (1, 2, 3, 9)}  # fmt: skip
    assert depths == {1: [1, 1, 1], 2: [1, 2, 2], 3: [1, 2, 3], 9: [1, 2, 3]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": 0}, "blocks must be at least 1, got 0"),
        ({"image_size": 7}, "image_size must be from 8 to 512 pixels, got 7"),
        ({"image_size": None}, "'mlp'"),
        ({"classes": 1}, "classes must be at least 2"),
        ({"in_channels": 0}, "in_channels must be at least 1"),
        ({"width": -1}, "width must be a number above 0, got -1"),
        ({"width": float("nan")}, "width must be a number above 0, got nan"),
    ],
)
def test_sizes_out_of_range_are_refused(arguments: dict[str, float | None], message: str) -> None:
    with pytest.raises(UserError, match=message):
        zoo.build("convnet", **{"in_channels": 3, "classes": 10, "image_size": 32, **arguments})
