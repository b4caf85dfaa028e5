"""Calibration data in every form, networks of every precision, of several inputs and of several heads."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from compress_networks import residual
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from archwright import data
from archwright.compress import (
    AdaQuant,
    Quantization,
    quantised_layers,
    quantize,
    size_of,
)
from archwright.compress._activations import by_sample
from archwright.errors import UserError

X = torch.randn(24, 1, 8, 8, generator=torch.Generator().manual_seed(1))
Y = torch.zeros(24, dtype=torch.int64)
LEARNED = Quantization(ranges="mse", learn=AdaQuant(iterations=3), biases=3)


@pytest.mark.parametrize(
    "given",
    [
        X.numpy(),
        [X[:10], X[10:]],
        [(X[:10], Y[:10]), (X[10:], Y[10:])],
        TensorDataset(X, Y),
        DataLoader(TensorDataset(X, Y), 7),
        (x for x in X.split(5)),
        {"x": X},
        data.Split(X, Y),
        (X, Y),
    ],
    ids=lambda given: type(given).__name__,
)
def test_every_form_of_the_same_samples(given: Any) -> None:
    net = residual()
    wanted = quantize(net, X, bits=4, method="minmax")(X)
    torch.testing.assert_close(quantize(net, given, bits=4, method="minmax")(X), wanted)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "got NoneType"),
        ("digits", "got str"),
        ([1, 2], "got int in a batch"),
        ([], "at least 2 samples, got 0"),
        (X[:1], "at least 2 samples, got 1"),
        ([X, X[:, :, :4]], "differ in their shapes"),
        ({"image": X}, "the network takes x, calibration has image"),
        ([X, X * float("nan")], "not finite"),
    ],
)
def test_what_is_no_calibration(given: Any, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        quantize(residual(), given, method="minmax")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("size", [1, 2, 5, 23, 24, 1000])
def test_no_sample_is_left_out(size: int) -> None:
    """A last batch of one sample was."""
    extreme = X.clone()
    extreme[-1] *= 100
    ranges = [
        next(iter(quantised_layers(quantize(residual(), x, method="minmax", batch_size=size)).values())).inputs
        for x in (X, extreme)
    ]
    assert ranges[1].range.item() > 3 * ranges[0].range.item()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_is_simulated_in_float32(dtype: torch.dtype) -> None:
    net, x = residual().to(dtype), X.to(dtype)
    graph = quantize(net, x, bits=16, ends=None, method="mse")
    wanted = residual().to(dtype).float()(x.float()).detach()
    for given in (x, x.float()):
        found = graph(given).detach()
        assert found.dtype == torch.float32
        assert float((found - wanted).abs().max()) < 5e-3 * float(wanted.abs().max())
    assert next(net.parameters()).dtype == dtype


class Text(nn.Module):
    """Token ids and what of them counts; attention in between has the positions before the samples."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(16, 4)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.head(self.encoder(self.words(ids), src_key_padding_mask=mask == 0)[:, 0])


def _text() -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    ids, mask = torch.randint(50, (23, 9)), torch.rand(23, 9) > 0.3
    mask[:, 0] = True
    return Text().eval(), ids, mask.long()


@pytest.mark.filterwarnings("ignore:.*may over-fit")
def test_a_network_of_two_inputs() -> None:
    net, ids, mask = _text()
    loader = DataLoader(TensorDataset(ids, mask, ids[:, 0]), 10)
    for given in ((ids, mask), {"ids": ids, "mask": mask}, loader):
        graph = quantize(net, given, method=LEARNED, batch_size=10)  # batches of 8, 8 and 7
        wanted = net(ids, mask).detach()
        assert float((graph(ids, mask) - wanted).norm() / wanted.norm()) < 0.05
    assert size_of(quantize(net, (ids, mask), bits=2, method="light", size=0.2)) <= 0.2
    with pytest.raises(UserError, match="missing 1 required positional argument: 'mask'"):
        quantize(net, ids)
    with pytest.raises(UserError, match="differ in number: 23, 3"):
        quantize(net, (ids, mask[:3]))
    with pytest.raises(UserError, match="index out of range"):
        quantize(net, (ids + 50, mask))


def test_rows_of_a_sample_stay_together() -> None:
    x = torch.arange(2 * 3 * 4).reshape(2, 3, 4)  # samples, positions, features
    for given in (x, x.transpose(0, 1), x.reshape(6, 4)):
        assert torch.equal(by_sample(given, 2), x)
    assert by_sample(x.reshape(8, 3), 5).shape == (8, 3)


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(64, 16)
        self.one, self.two = nn.Linear(16, 3), nn.Linear(16, 5)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = torch.relu(self.body(x.flatten(1)))
        return {"one": self.one(x), "two": self.two(x)}


@pytest.mark.filterwarnings("ignore:.*may over-fit")
def test_a_network_of_two_heads() -> None:
    torch.manual_seed(0)
    net = Heads().eval()
    for graph in (quantize(net, X, method=LEARNED), quantize(net, X, bits=2, method="light", size=0.245)):
        one, two = graph(X)
        assert float((one - net(X)["one"]).detach().abs().max()) < 0.5
        assert float((two - net(X)["two"]).detach().abs().max()) < 0.5


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda net: {"bits": None}, "bits must be an integer from 2 to 16, got None"),
        (lambda net: {"method": None}, "unknown method None"),
        (lambda net: {"batch_size": 0}, "batch_size must be at least 1, got 0"),
        (lambda net: {"size": 1.5}, r"size must be a fraction of the float32 size, in \(0, 1\], got 1.5"),
        (lambda net: {"size": float("nan")}, "got nan"),
        (lambda net: {"size": "small"}, "got 'small'"),
        (lambda net: {"size": 0.0}, "smallest reachable"),
    ],
)
def test_settings_out_of_range(make: Callable[[nn.Module], dict[str, Any]], said: str) -> None:
    with pytest.raises(UserError, match=said):
        quantize(residual(), X, **{"method": "minmax", **make(residual())})


def test_what_is_no_network_to_quantise() -> None:
    with pytest.raises(UserError, match=r"torch.nn.Module is compressed, got int"):
        quantize(3, X)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="run the network once"), warnings.catch_warnings(action="ignore"):
        quantize(nn.Sequential(nn.Flatten(), nn.LazyLinear(2)), X)
    with pytest.raises(UserError, match="quantised already"):
        quantize(quantize(residual(), X, method="minmax"), X)


def test_a_size_allows_what_the_fewest_bits_say() -> None:
    graph = quantize(residual(), X, bits=9, ends=None, method="minmax", size=0.3)
    assert size_of(graph) == 9 / 32
