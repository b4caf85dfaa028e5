"""Networks on accelerators: which layers are seen, and what their sum is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from archwright import cost
from archwright.cost.accelerator import Bits, Layer, layers, search, tpu_like
from archwright.errors import UserError


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.fc = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        x = x + self.depthwise(x)
        x = nn.functional.max_pool2d(x, 2)
        return self.fc(x.mean((2, 3)))


STEM = Layer(K=8, C=3, OY=8, OX=8, FY=3, FX=3, stride=(2, 2))
PLAIN = {"weight_bits": 0, "multiplies": False}


def test_layers_of_a_network() -> None:
    assert layers(Residual(), (1, 3, 16, 16)) == [
        STEM,
        Layer(G=8, OY=8, OX=8, FY=3, FX=3),
        Layer(G=8, C=2, OY=8, OX=8, **PLAIN),
        Layer(G=8, OY=4, OX=4, FY=2, FX=2, stride=(2, 2), **PLAIN),
        Layer(G=8, FY=4, FX=4, **PLAIN),
        Layer(K=10, C=8),
    ]


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (Residual(), (2, 3, 16, 16)),
        (nn.Conv2d(4, 6, (1, 3), groups=2, dilation=2), (2, 4, 9, 9)),
        (nn.Conv1d(4, 6, 3), (2, 4, 9)),
        (nn.Conv3d(2, 3, 3), (1, 2, 5, 6, 7)),
        (nn.ConvTranspose2d(3, 8, 3, stride=2), (2, 3, 9, 9)),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (2, 5, 8)),
    ],
)
def test_macs_are_those_of_the_counter(module: nn.Module, shape: tuple[int, ...]) -> None:
    assert sum(layer.macs for layer in layers(module, shape)) == cost.macs(module, shape) > 0


def test_pooling_layers() -> None:
    net = nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.AdaptiveAvgPool2d(2))
    assert layers(net, (1, 4, 8, 8)) == [
        Layer(G=4, OY=8, OX=8, FY=3, FX=3, **PLAIN),
        Layer(G=4, OY=2, OX=2, FY=4, FX=4, stride=(4, 4), **PLAIN),
    ]


def test_bits_are_those_of_the_chip() -> None:
    (layer,) = layers(nn.Linear(3, 2), (1, 3), bits=Bits(weight=4, activation=6, partial=20))
    assert (layer.weight_bits, layer.input_bits, layer.output_bits, layer.partial_bits) == (4, 6, 6, 20)
    found = cost.accelerator_cost(nn.Linear(3, 2), (1, 3), "eyeriss").layers[0][0].layer
    assert (found.weight_bits, found.input_bits, found.partial_bits) == (16, 16, 24)


def test_network_is_the_sum_of_its_layers() -> None:
    chip = tpu_like()
    once = cost.accelerator_cost(nn.Conv2d(4, 4, 3, padding=1), (1, 4, 8, 8), chip)
    expected = search(Layer(K=4, C=4, OY=8, OX=8, FY=3, FX=3), chip, "edp", 5)
    assert once.energy_mj == pytest.approx(expected.energy_pj * 1e-9)
    assert once.latency_ms == pytest.approx(expected.latency_ms) == pytest.approx(expected.cycles.total / 250e3)
    twice = nn.Sequential(*(nn.Conv2d(4, 4, 3, padding=1) for _ in range(2)))
    found = cost.accelerator_cost(twice, (1, 4, 8, 8), chip)
    assert found.energy_mj == pytest.approx(2 * once.energy_mj)
    assert found.latency_ms == pytest.approx(2 * once.latency_ms)
    assert found.utilisation == pytest.approx(once.utilisation)
    assert [count for _, count in found.layers] == [2]
    assert found.bound_ms <= found.latency_ms


def test_network_without_layers_is_free() -> None:
    found = cost.accelerator_cost(nn.ReLU(), (1, 4), "tpu-like")
    assert (found.energy_mj, found.latency_ms, found.utilisation) == (0.0, 0.0, 0.0)


def test_costs_by_name() -> None:
    net = Residual().train()
    names = ["energy_mj:eyeriss", "latency_ms:tpu-like", "params"]
    found = cost.evaluate(net, (3, 16, 16), names)
    assert list(found) == names
    assert found["energy_mj:eyeriss"] == cost.accelerator_cost(net, (1, 3, 16, 16), "eyeriss").energy_mj > 0
    assert found["latency_ms:tpu-like"] == cost.accelerator_cost(net, (1, 3, 16, 16), "tpu-like").latency_ms > 0
    assert net.training
    with pytest.raises(UserError, match="unknown cost 'energy_mj:eyris'; did you mean 'energy_mj:eyeriss'"):
        cost.evaluate(net, (3, 16, 16), ["energy_mj:eyris"])
    with pytest.raises(UserError, match="unknown accelerator 'tpu'"):
        cost.accelerator_cost(net, (1, 3, 16, 16), "tpu")
