"""The order of the methods on a residual network of real images: published weights, or trained here without them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from compress_networks import accuracy
from torch import Tensor, nn

from archwright import bench, data
from archwright.compress import METHODS, Quantization, quantize
from archwright.errors import ArchwrightError
from archwright.train import Trainer

pytestmark = pytest.mark.slow
STEPS = 100


def present(load: Callable[[], Any]) -> Any:
    """What is loaded; without it there is nothing to test."""
    try:
        return load()
    except ArchwrightError as error:
        pytest.skip(str(error))


def published() -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """ResNet-20 (91.73 % of CIFAR-10), 500 training images, 2000 test images and labels."""
    known = present(lambda: bench.pretrained("cifar10_resnet20"))
    splits = present(lambda: data.load("cifar10", seed=0))
    x, y = next(iter(known.normalised(splits.test).batches(2000)))
    return known.module, next(iter(known.normalised(splits.train).batches(500)))[0], x, y


def trained() -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """A small convolution network, 10 000 images of Fashion-MNIST, three epochs."""
    splits = present(lambda: data.load("fashion-mnist", seed=0))
    part = dataclasses.replace(splits, train=splits.train.subset(torch.arange(10_000)))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        widths, parts = (1, 16, 32, 32), list[nn.Module]()
        for number in range(3):
            convolution = nn.Conv2d(widths[number], widths[number + 1], 3, 1 + (number > 0), 1, bias=False)
            parts += [convolution, nn.BatchNorm2d(widths[number + 1]), nn.ReLU()]
        net = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
        list(Trainer(epochs=3, batch_size=64, augment=None).fit(net, part))
    x, y = next(iter(splits.test.batches(2000)))
    return net.eval(), next(iter(splits.train.batches(500)))[0], x, y


def pipeline(name: str) -> Quantization:
    found = METHODS[name]
    return found if found.learn is None else dataclasses.replace(
        found, learn=dataclasses.replace(found.learn, iterations=STEPS)
    )  # fmt: skip


@pytest.mark.parametrize(("make", "bits"), [(published, 3), (trained, 2)])
def test_the_order_of_the_papers(make, bits: int) -> None:
    """With few bits: ranges alone, statistics tuned, layers learnt in parallel, one after the other, on power grids."""
    net, calibration, x, y = make()
    names = ("minmax", "light", "adaquant-parallel", "adaquant", "nupes")
    found = {name: accuracy(quantize(net, calibration, bits=bits, method=pipeline(name)), x, y) for name in names}
    assert found["minmax"] + 3 < found["light"], found
    assert found["light"] + 1 < found["adaquant"], found
    assert found["adaquant-parallel"] + 1 < found["adaquant"], found
    assert found["minmax"] + 3 < found["nupes"], found
    if make is published:
        assert abs(found["minmax"] - 80.1) < 2, "the ground that was measured before"
        assert found["nupes"] > 88
