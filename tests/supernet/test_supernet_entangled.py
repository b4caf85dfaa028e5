"""`Entangled`: options that share weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Choice, Ordinal
from archwright.supernet import ElasticConv2d, Entangled, Paths, Supernet
from archwright.testing import SupernetContract

EDGE = Choice("edge", ("conv3", "conv5", "skip", "conv7"))


def conv() -> ElasticConv2d:
    return ElasticConv2d(2, 2, Ordinal("kernel", (3, 5, 7)), bias=False)


def edge(*after: nn.Module) -> Supernet:
    family = nn.Sequential(conv(), *after)
    options = {"conv3": (family, 3), "conv5": (family, 5), "skip": (nn.Identity(), None), "conv7": (family, 7)}
    return Supernet(Entangled(EDGE, options), input_shape=(2, 8, 8))


@pytest.fixture
def x() -> Tensor:
    return torch.randn(3, 2, 8, 8, dtype=torch.float64)


class TestEntangled(SupernetContract):
    @pytest.fixture
    def supernet(self) -> Supernet:
        inside = edge(nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 2, 1)).module
        return Supernet(nn.Sequential(nn.Conv2d(2, 2, 1), inside), input_shape=(2, 8, 8))


def test_only_the_choice_is_a_variable() -> None:
    assert edge().space.variables == (EDGE,)


def test_without_normalisation_weights_and_outputs_mix_alike(x: Tensor) -> None:
    """TangleNAS, must show 1, with a further option that shares nothing."""
    net, weights = edge().double(), torch.tensor([0.4, 0.2, 0.3, 0.1], dtype=torch.float64)
    expected = sum(a * net(x, {"edge": option}) for a, option in zip(weights, EDGE.options))
    assert (net(x, {"edge": weights}) - expected).abs().max() < 1e-13


def test_a_family_runs_once(x: Tensor) -> None:
    net, calls = edge(nn.BatchNorm2d(2)).double(), []
    net.module.families[0].register_forward_hook(lambda *_: calls.append(1))
    net(x, {"edge": torch.full((4,), 0.25, dtype=torch.float64)})
    assert len(calls) == 1


def test_normalisation_does_not_lose_the_weight_of_a_family(x: Tensor) -> None:
    net = edge(nn.BatchNorm2d(2, affine=False)).double()
    alone, half = (net(x, {"edge": torch.tensor(w, dtype=torch.float64)}) for w in ([1, 0, 0, 0], [0.5, 0, 0, 0]))
    assert torch.allclose(half, alone / 2)


def test_paths_run_no_other_options(x: Tensor) -> None:
    net = edge().double()
    weights = torch.tensor([0.75, 0.25], dtype=torch.float64, requires_grad=True)
    out = net(x, {"edge": Paths((3, 2), weights)})
    assert torch.allclose(out, 0.75 * net(x, {"edge": "conv7"}) + 0.25 * x)
    out.sum().backward()
    assert weights.grad is not None
    assert net.module.families[0][0].weight.grad[:, :, 0].abs().sum() > 0


def test_hard_weights_with_gradient_reach_all_options(x: Tensor) -> None:
    net = edge(nn.BatchNorm2d(2, affine=False)).double().eval()
    weights = torch.tensor([0.0, 0.0, 1.0, 0.0], dtype=torch.float64, requires_grad=True)
    out = net(x, {"edge": weights})
    assert torch.allclose(out, x)
    out.square().sum().backward()
    assert weights.grad.isfinite().all()
    assert (weights.grad != 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"a": (conv(), 3)}, "has the options"),
        ({"a": (conv(), 4), "b": (nn.Identity(), None)}, "kernel"),
        ({"a": (conv(), 3), "b": (nn.Identity(), 3)}, "'b' of 'choice' has no size to be set to 3"),
        ({"a": (nn.Sequential(conv(), ElasticConv2d(2, Ordinal("w", (1, 2)), 1)), 3), "b": (conv(), 3)}, "one Ordinal"),
    ],
)
def test_what_cannot_share_is_refused(options: dict[str, tuple[nn.Module, int | None]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Entangled(Choice("choice", ("a", "b")), options)
