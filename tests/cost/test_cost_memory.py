"""Peak activation memory where it can be worked out by hand. Four bytes a float."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archwright.cost import peak_memory


def test_chain_of_linear_layers() -> None:
    net = nn.Sequential(nn.Linear(10, 100), nn.Linear(100, 1000), nn.Linear(1000, 50), nn.Linear(50, 10))
    assert peak_memory(net, (4, 10)) == 4 * 4 * (10 + 100 + 1000)  # the caller holds the input
    assert peak_memory(nn.Sequential(nn.Linear(1000, 10), nn.Linear(10, 20)), (1, 1000)) == 4 * (1000 + 10 + 20)


def test_scales_with_the_batch_and_not_with_parameters() -> None:
    net = nn.Linear(1000, 10)
    assert peak_memory(net, (3, 1000)) == 3 * peak_memory(net, (1, 1000)) == 3 * 4 * 1010


def test_shortcut_keeps_its_input() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            x = self.a(x)
            return x + self.c(self.b(x))

    plain = nn.Sequential(*(nn.Linear(8, 8) for _ in range(4)))
    assert peak_memory(plain, (1, 8)) == 4 * 8 * 3  # input, before, after
    assert peak_memory(Residual(), (1, 8)) == 4 * 8 * 4  # and the shortcut


def test_in_place_and_views_are_free() -> None:
    class Free(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = torch.relu_(x * 2)
            return y.view(-1).reshape(2, -1).t()

    assert peak_memory(Free(), (2, 6)) == 2 * 4 * 12


def test_buffers_do_not_count_and_types_do() -> None:
    class Shift(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("shift", torch.zeros(1000, dtype=torch.float64))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.shift[:4]

    assert peak_memory(Shift(), torch.zeros(4, dtype=torch.float64)) == 2 * 8 * 4
