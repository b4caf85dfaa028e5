"""Networks as graphs: what they compute, and what stops them."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.nn.utils.prune import l1_unstructured

from archwright.compress import fold, layers, quantised_layers, quantize, trace
from archwright.errors import UserError

X = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)


class Residual(Base):
    """What the ReLU wrote is what the sum reads."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.one(x)
        y = F.relu(x, inplace=True)
        return x + self.two(y)


class InPlace(Base):
    def forward(self, x: Tensor) -> Tensor:
        x = self.one(x)
        x[:, 0] = 0
        y = self.two(x)
        y += x
        x.sigmoid_()
        x *= 2
        x.clamp_(0.1, 1.5)
        return x + y


class ThroughAView(Base):
    def forward(self, x: Tensor) -> Tensor:
        x = self.one(x)
        F.relu_(x[:, 0])
        return x + self.two(x)


@pytest.mark.parametrize("build", [Residual, InPlace])
def test_what_is_written_in_place_is_read_later(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    net = build().eval()
    torch.testing.assert_close(trace(net, X[:2])(X), net(X))


def test_a_graph_that_computes_something_else_is_refused() -> None:
    torch.manual_seed(0)
    with pytest.raises(UserError, match="changes a tensor in place"):
        trace(ThroughAView(), X[:2])


def _weight_norm() -> nn.Module:
    return parametrizations.weight_norm(nn.Conv2d(3, 4, 3))


def _spectral_norm() -> nn.Module:
    return parametrizations.spectral_norm(nn.Conv2d(3, 4, 3))


def _masked() -> nn.Module:
    layer = nn.Conv2d(3, 4, 3)
    l1_unstructured(layer, "weight", 0.5)
    return layer


@pytest.mark.parametrize("build", [_weight_norm, _spectral_norm, _masked])
def test_weights_that_are_computed_become_weights(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(build(), nn.ReLU()).eval()
    graph = trace(net, X[:2])
    assert list(graph.state_dict()) == ["0.weight", "0.bias"]
    torch.testing.assert_close(graph(X), net(X))
    if build is _masked:
        (layer,) = quantised_layers(quantize(net, X, bits=3, method="minmax")).values()
        assert int((layer.weight == 0).sum()) >= 54


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (nn.Conv1d(3, 4, 5, padding="same", dilation=2), (3, 9)),
        (nn.Conv2d(4, 4, 3, padding="same", groups=4, bias=False), (4, 6, 6)),
        (nn.Conv3d(2, 4, 3, stride=2, padding=1), (2, 5, 6, 7)),
        (nn.Conv3d(2, 4, (1, 2, 3), padding="same"), (2, 5, 6, 7)),
    ],
)
def test_convolutions_of_every_kind_are_layers(net: nn.Module, shape: tuple[int, ...]) -> None:
    x = torch.randn(4, *shape)
    graph = trace(net.eval(), x[:2])
    assert [type(layer) for layer in layers(graph).values()] == [type(net)]
    assert torch.equal(graph(x), net(x))
    found = quantize(net, x, bits=8, method="mse")(x)
    assert float(((found - net(x)).norm() / net(x).norm()).detach()) < 0.02


class Positions(nn.Module):
    """The normalisation is of positions, not of what the linear layer gives."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(5, 6), nn.BatchNorm1d(6)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.linear(x))


def test_a_normalisation_of_another_axis_is_not_folded() -> None:
    torch.manual_seed(0)
    net, x = Positions(), 3 * torch.randn(20, 6, 5)
    for _ in range(20):
        net(x)
    net.eval()
    graph = trace(net, x[:2])
    assert fold(graph) == {}
    torch.testing.assert_close(graph(x), net(x))
    plain = trace(net.linear, x[:2])
    assert fold(plain) == {}


class Branch(Base):
    def forward(self, x: Tensor) -> Tensor:
        x = self.one(x)
        return self.two(x) if x.mean() > 0 else x


class Number(Base):
    def forward(self, x: Tensor) -> Tensor:
        count = x.sum().item()
        return self.one(x * int(count))


class Numpy(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.one(torch.from_numpy(x.numpy()))


@pytest.mark.parametrize(
    ("net", "line"),
    [
        (Branch(), "return self.two(x) if x.mean() > 0 else x"),
        (Number(), "return self.one(x * int(count))"),
        (Numpy(), "return self.one(torch.from_numpy(x.numpy()))"),
        (nn.Sequential(nn.ReLU(), Branch()), "return self.two(x) if x.mean() > 0 else x"),
    ],
)
def test_the_line_that_stops_a_trace_is_said_and_nothing_else(
    net: nn.Module, line: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UserError) as error:
        trace(net, X[:2])
    said = str(error.value)
    assert f'File "{__file__}", line ' in said
    assert line in said
    assert "\n" not in said
    assert capfd.readouterr() == ("", "")
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []
