"""Constructor texts: the known ones by hand, all others by building the layer again."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from archwright.errors import UserError
from archwright.export._layer import constructor, kind, literal

KNOWN = {
    "nn.Conv2d(3, 16, 3)": nn.Conv2d(3, 16, 3),
    "nn.Conv2d(4, 8, (3, 1), stride=2, padding=1, dilation=2, groups=4, bias=False)": nn.Conv2d(
        4, 8, (3, 1), stride=2, padding=1, dilation=(2, 2), groups=4, bias=False
    ),
    'nn.Conv2d(3, 16, 3, padding="same", padding_mode="reflect")': nn.Conv2d(
        3, 16, 3, padding="same", padding_mode="reflect"
    ),
    "nn.ConvTranspose2d(4, 2, 2, stride=2, output_padding=1)": nn.ConvTranspose2d(4, 2, 2, stride=2, output_padding=1),
    "nn.BatchNorm2d(7)": nn.BatchNorm2d(7),
    "nn.BatchNorm2d(7, eps=0.001, momentum=None, affine=False)": nn.BatchNorm2d(7, 1e-3, momentum=None, affine=False),
    "nn.GroupNorm(2, 4)": nn.GroupNorm(2, 4),
    "nn.LayerNorm(8, bias=False)": nn.LayerNorm(8, bias=False),
    "nn.LayerNorm((4, 4))": nn.LayerNorm([4, 4]),
    "nn.Linear(5, 2, bias=False)": nn.Linear(5, 2, bias=False),
    "nn.Linear(5, 2, dtype=torch.float64)": nn.Linear(5, 2).double(),
    "nn.MaxPool2d(3, stride=2, padding=1)": nn.MaxPool2d(3, 2, 1),
    "nn.MaxPool2d(2)": nn.MaxPool2d(2, 2),
    "nn.AvgPool2d(2, count_include_pad=False)": nn.AvgPool2d(2, count_include_pad=False),
    "nn.AdaptiveAvgPool2d(1)": nn.AdaptiveAvgPool2d(1),
    "nn.AdaptiveAvgPool2d((1, 2))": nn.AdaptiveAvgPool2d((1, 2)),
    "nn.ReLU()": nn.ReLU(),
    "nn.ReLU(inplace=True)": nn.ReLU(inplace=True),
    "nn.LeakyReLU(negative_slope=0.2)": nn.LeakyReLU(0.2),
    "nn.PReLU(num_parameters=4)": nn.PReLU(4),
    'nn.GELU(approximate="tanh")': nn.GELU(approximate="tanh"),
    "nn.Softmax(dim=1)": nn.Softmax(1),
    "nn.Dropout(p=0.1)": nn.Dropout(0.1),
    "nn.Flatten()": nn.Flatten(),
    "nn.Flatten(start_dim=2)": nn.Flatten(2),
    "nn.Unflatten(1, (2, 2))": nn.Unflatten(1, (2, 2)),
    "nn.Embedding(10, 4, padding_idx=0)": nn.Embedding(10, 4, padding_idx=0),
    "nn.Upsample(scale_factor=2.0)": nn.Upsample(scale_factor=2),
    "nn.MultiheadAttention(8, 2, batch_first=True)": nn.MultiheadAttention(8, 2, batch_first=True),
    "nn.MultiheadAttention(8, 2, dropout=0.1, bias=False, kdim=4)": nn.MultiheadAttention(8, 2, 0.1, False, kdim=4),
    "nn.LSTM(3, 5, num_layers=2, batch_first=True, bidirectional=True)": nn.LSTM(
        3, 5, 2, batch_first=True, bidirectional=True
    ),
    "nn.GRU(3, 5)": nn.GRU(3, 5),
}


@pytest.mark.parametrize(("text", "layer"), KNOWN.items(), ids=list(KNOWN))
def test_constructor_is_what_a_person_writes(text: str, layer: nn.Module) -> None:
    assert constructor(layer) == text


@pytest.mark.parametrize("text", KNOWN)
def test_text_builds_the_layer_again(text: str) -> None:
    again = eval(text, {"nn": nn, "torch": torch})  # noqa: S307
    assert repr(again) == repr(KNOWN[text])
    assert {k: v.shape for k, v in again.state_dict().items()} == {
        k: v.shape for k, v in KNOWN[text].state_dict().items()
    }


def test_own_layer_is_refused() -> None:
    class Mine(nn.Conv2d):
        pass

    with pytest.raises(UserError, match=r"Mine is not torch\.nn's own"):
        constructor(Mine(1, 1, 1))


def test_layer_that_forgets_its_arguments_is_refused() -> None:
    with pytest.raises(UserError, match="does not keep its constructor argument 'd_model'"):
        constructor(nn.TransformerEncoderLayer(8, 2))


def test_parametrized_layer_is_refused() -> None:
    with pytest.raises(UserError, match=r"ParametrizedLinear"):
        constructor(parametrizations.weight_norm(nn.Linear(2, 2)))


def test_changed_weight_shape_is_refused() -> None:
    layer = nn.Linear(4, 2)
    layer.weight = nn.Parameter(torch.zeros(2, 3))
    with pytest.raises(UserError, match="cannot be rebuilt"):
        constructor(layer)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (nn.Conv2d(1, 1, 1), "conv"),
        (nn.BatchNorm1d(1), "bn"),
        (nn.AdaptiveAvgPool2d(1), "adaptive_avg_pool"),
        (nn.ReLU6(), "relu6"),
        (nn.SiLU(), "silu"),
        (nn.LayerNorm(1), "norm"),
    ],
)
def test_kind(layer: nn.Module, name: str) -> None:
    assert kind(layer) == name


@pytest.mark.parametrize(
    "value",
    [1, -2.5, True, None, "a'b", 'a"b', (1,), (1, (2, 3)), [1, 2], {"a": 1}, float("inf"), torch.float16, slice(1, 2)],
)
def test_literal_round_trip(value: object) -> None:
    assert eval(literal(value), {"torch": torch}) == value  # noqa: S307


def test_literal_refuses_objects() -> None:
    with pytest.raises(UserError, match="constant of type object"):
        literal(object())
