"""Counts against published figures, hand formulas and torch's own counter."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from archwright import cost
from archwright.errors import UserError


class BasicBlock(nn.Module):
    def __init__(self, width_in: int, width: int, stride: int, projection: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride = stride
        self.grow = width - width_in
        self.project: nn.Module | None = None
        if self.grow and projection:
            self.project = nn.Sequential(nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.project is not None:
            return F.relu(y + self.project(x))
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.grow))
        return F.relu(y + shortcut)


def resnet(depth: int, projection: bool = False) -> nn.Module:
    """He et al. 2016, section 4.2: 6n + 2 layers for 32 x 32 images."""
    n = (depth - 2) // 6
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    before = 16
    for width in (16, 32, 64):
        for i in range(n):
            layers.append(BasicBlock(before, width, 2 if i == 0 and width > 16 else 1, projection))
            before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


PUBLISHED = [
    (20, False, 40_551_040, 269_722),
    (20, True, 40_813_184, 272_474),
    (32, False, 68_862_592, 464_154),
    (56, False, 125_485_696, 853_018),
]


@pytest.mark.parametrize(("depth", "projection", "macs", "params"), PUBLISHED)
def test_resnets_of_the_paper(depth: int, projection: bool, macs: int, params: int) -> None:
    net = resnet(depth, projection)
    assert cost.params(net) == params
    assert cost.flops(net, (1, 3, 32, 32)) == 2 * macs
    assert cost.macs(net, (1, 3, 32, 32)) == macs


def test_resnet18_at_224() -> None:
    from torchvision.models import resnet18

    net = resnet18(weights=None)
    assert cost.params(net) == 11_689_512
    assert cost.macs(net, torch.zeros(1, 3, 224, 224)) == 1_814_073_344


def test_formulas() -> None:
    conv = nn.Conv2d(8, 12, (3, 5), stride=2, padding=(1, 2), groups=4)
    assert cost.flops(conv, (2, 8, 9, 9)) == 2 * 2 * 5 * 5 * 12 * (8 // 4) * 15
    assert cost.flops(nn.Linear(7, 3), (5, 7)) == 2 * 5 * 7 * 3
    assert cost.flops(nn.Linear(7, 3), (5, 4, 7)) == 2 * 5 * 4 * 7 * 3
    assert cost.flops(nn.BatchNorm2d(3), (1, 3, 8, 8)) == 0


class Attention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(x, x, x)


def test_attention_counts_both_products() -> None:
    tokens, width = 6, 8
    assert cost.flops(Attention(), (2, 3, tokens, width)) == 2 * 2 * 3 * 2 * tokens * tokens * width


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.Conv2d(3, 8, 3), (2, 3, 9, 9)),
        (nn.ConvTranspose2d(3, 8, 3, stride=2), (2, 3, 9, 9)),
        (nn.Linear(5, 6), (4, 5)),
        (Attention(), (1, 2, 5, 4)),
    ],
)
def test_equal_to_torch(module: nn.Module, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    with sdpa_kernel(SDPBackend.MATH), torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(x)
    assert cost.flops(module, x) == counter.get_total_flops() > 0


def test_transformer_layer_is_not_free() -> None:
    tokens, width, hidden = 5, 8, 16
    layer = nn.TransformerEncoderLayer(width, 2, hidden, batch_first=True)
    products = 4 * width * width + 2 * width * hidden + 2 * tokens * width
    assert cost.flops(layer, (2, tokens, width)) == 2 * 2 * tokens * products
    assert torch.backends.mha.get_fastpath_enabled()


def test_module_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(), nn.Linear(3, 2)).train()
    net[1].eval()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    cost.flops(net, torch.randn(4, 3))
    cost.peak_memory(net, torch.randn(4, 3))
    assert [m.training for m in net.modules()] == [True, True, False, True]
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_flags_are_restored_after_an_error() -> None:
    net = nn.Sequential(nn.Linear(3, 2)).train()
    with pytest.raises(RuntimeError):
        cost.flops(net, (1, 4))
    assert all(m.training for m in net.modules())


def test_params_counts_shared_once_frozen_too_and_no_buffers() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.BatchNorm1d(4))
    net[1].weight = net[0].weight
    net[0].weight.requires_grad_(False)
    assert cost.params(net) == 16 + 4 + 4 + 8


@pytest.mark.parametrize("shape", [(), (1, 0, 3), (1, 2.5), ("a",)])
def test_bad_shapes_are_named(shape: tuple[object, ...]) -> None:
    with pytest.raises(UserError, match="tensor or its shape"):
        cost.flops(nn.Linear(3, 2), shape)  # type: ignore[arg-type]


def test_size_is_that_of_the_real_file(tmp_path: Path) -> None:
    mixed = nn.Sequential(nn.Conv2d(3, 7, 3), nn.BatchNorm2d(7), nn.Linear(3, 5).double(), nn.Linear(2, 2).half())
    mixed.register_buffer("é", torch.ones(3, dtype=torch.bool))
    mixed.register_buffer("count", torch.tensor(3, dtype=torch.int32))
    for i, net in enumerate((mixed, resnet(20), nn.Linear(1, 1).bfloat16(), nn.ReLU())):
        path = tmp_path / f"{i}.safetensors"
        save_file(net.state_dict(), path)
        assert cost.size(net) == path.stat().st_size
