"""Counts of published NAS-Bench-201 cells: C = 16, N = 5, CIFAR-10."""

from __future__ import annotations

import pytest

from archwright import cost, zoo
from archwright.supernet import Supernet
from archwright.zoo import nasbench201

FIRST = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"  # index 0


def everywhere(operation: str) -> str:
    return "+".join("|" + "".join(f"{operation}~{i}|" for i in range(n)) for n in (1, 2, 3))


@pytest.fixture(scope="module")
def net() -> Supernet:
    return zoo.build("nasbench201", in_channels=3, classes=10, image_size=32)


@pytest.mark.parametrize(
    ("text", "macs", "params"),
    [
        (everywhere("nor_conv_3x3"), 220_119_040 + 640, 1_531_546),
        (FIRST, 15_647_360, 129_306),
        (everywhere("none"), 7_783_040, 73_306),
        (everywhere("skip_connect"), 7_783_040, 73_306),
    ],
    ids=["conv3x3", "first", "none", "skip"],
)
def test_counts(net: Supernet, text: str, macs: int, params: int) -> None:
    module = net.slice(nasbench201.from_string(text))
    assert cost.macs(module, (1, 3, 32, 32)) == macs
    assert cost.params(module) == params
