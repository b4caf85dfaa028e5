"""Networks cut into operations: what is one operation, what is free, what is the same."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.cost._blocks import blocks
from archwright.errors import UserError


def keys(module: nn.Module, *shape: int) -> list[str]:
    return [block.key for block in blocks(module, torch.zeros(shape))]


def test_layer_takes_normalisation_and_activation_along() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
    found = keys(net, 1, 3, 8, 8)
    assert found == [
        "Conv2d(in_channels=3, out_channels=4, kernel_size=3, padding=1, params=108) "
        "+ BatchNorm2d(num_features=4, params=8) + ReLU() @ 1x3x8x8",
        "Flatten() @ 1x4x8x8",
    ]


def test_value_used_twice_ends_an_operation() -> None:
    class Fork(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.fc(x)
            return F.relu(x) + x

    assert [key.split(" @")[0] for key in keys(Fork(), 2, 4)] == [
        "Linear(in_features=4, out_features=4, params=20)",
        "relu(x, inplace=False)",
        "add(x, x)",
    ]


def test_shapes_and_constants_are_free_and_stored_tensors_come_along() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", torch.ones(3))
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            x = (x.view(x.shape[0], -1, 3) - self.mean).repeat(1, 1, 2)[:, :, :4]
            y, _ = self.attention(x, x, x)
            first, second = y.chunk(2, dim=1)
            return torch.cat([first, second], 1)

    net = Mixed().eval()
    x = torch.randn(2, 4, 3)
    parts = blocks(net, x)
    assert [block.key.split("(")[0] for block in parts] == [
        "view", "sub", "repeat", "getitem", "MultiheadAttention", "chunk", "cat",
    ]  # fmt: skip
    assert "num_heads=2" in parts[4].key
    for block in parts:
        block.module(*block.example())  # each stands alone


def test_blocks_compute_the_network() -> None:
    net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.LayerNorm(5), nn.Linear(5, 2), nn.Sigmoid()).eval()
    x = torch.randn(4, 3)
    y = x
    for block in blocks(net, x):
        y = block.module(y)
    assert torch.equal(y, net(x))


def test_equal_operations_have_equal_keys_and_others_not() -> None:
    conv = lambda **k: nn.Conv2d(4, 4, 3, **k)  # noqa: E731
    same = {keys(conv(), 1, 4, 8, 8)[0], keys(conv(), 1, 4, 8, 8)[0]}
    assert len(same) == 1
    variants = [
        keys(conv(), 1, 4, 8, 8), keys(conv(), 2, 4, 8, 8), keys(conv(), 1, 4, 9, 9),
        keys(conv(bias=False), 1, 4, 8, 8), keys(conv(padding=1), 1, 4, 8, 8),
        keys(conv(groups=4), 1, 4, 8, 8), keys(conv(stride=2), 1, 4, 8, 8), keys(conv(dilation=2), 1, 4, 8, 8),
        keys(conv(padding_mode="reflect", padding=1), 1, 4, 8, 8),
        keys(nn.MaxPool2d(2), 1, 4, 8, 8), keys(nn.AvgPool2d(2), 1, 4, 8, 8), keys(nn.MaxPool2d(2, 1), 1, 4, 8, 8),
        keys(nn.Softmax(0), 1, 4, 8, 8), keys(nn.Softmax(1), 1, 4, 8, 8),
    ]  # fmt: skip
    assert len({key for (key,) in variants}) == len(variants)


def test_state_is_restored_and_control_flow_refused() -> None:
    net = nn.Sequential(nn.BatchNorm1d(3)).train()
    keys(net, 4, 3)
    assert net[0].training
    assert net[0].num_batches_tracked == 0

    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(UserError, match="Branch cannot be cut into operations"):
        keys(Branch(), 1, 1)
