"""`mlp`: rows and flattened images."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from archwright import cost, zoo
from archwright.supernet import Supernet


def rows() -> Supernet:
    return zoo.build("mlp", in_channels=6, classes=3, width=16, depth=2).eval()


def test_rows() -> None:
    net = rows()
    assert net.input_shape == (6,)
    assert net(torch.randn(5, 6), {"width": 8, "depth": 1, "block1.expansion": 2}).shape == (5, 3)


def test_images_are_flattened() -> None:
    net = zoo.build("mlp", in_channels=3, classes=4, image_size=8).eval()
    assert net.input_shape == (3, 8, 8)
    assert net.module.stem.weight.shape == (64, 3 * 64)
    assert net(torch.randn(2, 3, 8, 8), {"width": 16, "depth": 0}).shape == (2, 4)


def test_depth_zero_is_a_linear_model_of_the_normalised_stem() -> None:
    net = rows()
    x, (stem, norm, head) = torch.randn(5, 6), (net.module.stem, net.module.norm, net.module.head)
    hidden = F.layer_norm(F.linear(x, stem.weight[:8], stem.bias[:8]), (8,), norm.weight[:8], norm.bias[:8])
    expected = F.linear(F.relu(hidden), head.weight[:, :8], head.bias)
    torch.testing.assert_close(net(x, {"width": 8, "depth": 0}), expected)


def test_parameters_of_one_network() -> None:
    plain = rows().slice({"width": 8, "depth": 1, "block1.expansion": 2})
    stem, block, end = 6 * 8 + 8, 2 * 8 + (8 * 16 + 16) + (16 * 8 + 8), 2 * 8 + 8 * 3 + 3
    assert cost.params(plain) == stem + block + end


def test_options_of_a_narrow_network() -> None:
    assert zoo.build("mlp", in_channels=2, classes=2, width=8).space["width"].options == (4, 6, 8)
