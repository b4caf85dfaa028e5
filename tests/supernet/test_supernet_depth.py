"""Stacks of variable depth."""

from __future__ import annotations

import pytest
import torch
from supernet_networks import one, weights
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Ordinal
from archwright.supernet import Depth, Supernet


class Power(nn.Module):
    """Squares its input, or refuses to."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.broken = broken

    def forward(self, x: Tensor) -> Tensor:
        assert not self.broken, "this block must not run"
        return x * x


TWO = torch.tensor([2.0], dtype=torch.float64)


def powers(*options: int, blocks: int) -> Supernet:
    return Supernet(Depth(Ordinal("depth", options), [Power() for _ in range(blocks)]))


def test_concrete_runs_the_first_blocks() -> None:
    net = powers(0, 1, 3, blocks=3)
    assert [net(TWO, {"depth": d}).item() for d in (0, 1, 3)] == [2.0, 4.0, 256.0]


def test_relaxed_mixes_the_outputs_after_each_depth() -> None:
    out = powers(0, 1, 3, blocks=3)(TWO, {"depth": weights(0.5, 0.3, 0.2)})
    torch.testing.assert_close(out, weights(0.5 * 2 + 0.3 * 4 + 0.2 * 256))


def test_blocks_behind_the_last_weighted_depth_do_not_run() -> None:
    net = Supernet(Depth(Ordinal("depth", (0, 1, 2)), [Power(), Power(broken=True)]))
    torch.testing.assert_close(net(TWO, {"depth": weights(0.5, 0.5, 0.0)}), weights(3.0))
    with pytest.raises(AssertionError, match="must not run"):
        net(TWO, {"depth": weights(0.5, 0.5, 0.0, grad=True)})


def test_a_mixture_of_nothing_is_zero() -> None:
    assert powers(1, 2, blocks=2)(TWO, {"depth": weights(0.0, 0.0)}).item() == 0.0


def test_blocks_that_no_depth_reaches_are_not_searched() -> None:
    inner = Depth(Ordinal("inner", (0, 1)), [Power()])
    net = Supernet(Depth(Ordinal("depth", (0, 1)), [Power(), inner]))
    assert [v.name for v in net.space.variables] == ["depth"]


def test_gradients_of_relaxed_weights() -> None:
    blocks = [nn.Sequential(nn.Linear(3, 3), nn.Tanh()) for _ in range(3)]
    net = one(Depth(Ordinal("depth", (0, 2, 3)), blocks), double=True)
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, a: net(x, {"depth": a}), (x, weights(0.5, 0.3, 0.2, grad=True)))


@pytest.mark.parametrize("options", [(1, 3), (-1, 1), (0.5, 1)])
def test_impossible_depths_are_refused(options: tuple[float, ...]) -> None:
    with pytest.raises(UserError, match="must be integers from 0 to 2"):
        Depth(Ordinal("depth", options), [Power(), Power()])
