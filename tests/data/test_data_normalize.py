from __future__ import annotations

import pytest
import torch

from archwright import data
from archwright.data._normalize import statistics


def test_statistics_by_hand() -> None:
    x = torch.tensor([[[[0, 2]], [[5, 5]]], [[[4, 6]], [[5, 5]]]], dtype=torch.uint8)
    mean, std = statistics(x)
    assert mean.tolist() == [3.0, 5.0]
    assert std.tolist() == [pytest.approx(5**0.5), 1.0]
    assert mean.dtype == std.dtype == torch.float32


@pytest.mark.parametrize("shape", [(3000, 3, 4, 4), (3000, 5)])
def test_statistics_agree_with_torch(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 3 + 7
    mean, std = statistics(x)
    axes = [d for d in range(x.ndim) if d != 1]
    torch.testing.assert_close(mean, x.double().mean(axes).float())
    torch.testing.assert_close(std, x.double().std(axes, correction=0).float())


def test_large_offset_keeps_precision_and_a_constant_has_std_one() -> None:
    x = torch.stack([1e6 + torch.arange(8.0), torch.full((8,), 0.1)], 1)
    _, std = statistics(x)
    assert std.tolist() == [pytest.approx(5.25**0.5), 1.0]


@pytest.mark.parametrize(("kind", "shape"), [("image", (1, 3, 1, 1)), ("table", (1, 3))])
def test_layer_matches_batches_bit_for_bit(kind: str, shape: tuple[int, ...]) -> None:
    x = torch.rand(6, 3, 4, 4) * 255 if kind == "image" else torch.rand(6, 3) * 255
    mean, std = torch.tensor([100.1, 120.2, 90.3]), torch.tensor([50.7, 60.8, 70.9])
    layer = data.Normalize(mean, std, kind)
    assert layer.mean.shape == layer.std.shape == shape
    ((batch, _),) = data.Split(x, torch.zeros(6).long(), mean, std).batches(6)
    assert torch.equal(layer(x), batch)


def test_layer_is_traced_without_control_flow() -> None:
    graph = torch.fx.symbolic_trace(data.Normalize(torch.zeros(3), torch.ones(3), "image"))
    assert [node.op for node in graph.graph.nodes] == [
        "placeholder", "get_attr", "call_function", "get_attr", "call_function", "output",
    ]  # fmt: skip


def test_statistics_come_from_the_training_part_only() -> None:
    x = torch.zeros(40, 2)
    y = torch.arange(40) % 2
    x[:, 0] = torch.arange(40.0)
    splits = data.load((x, y))
    train = x[splits.indices["train"]]
    torch.testing.assert_close(splits.mean, train.mean(0))
    torch.testing.assert_close(splits.std, torch.tensor([train[:, 0].std(correction=0), 1.0]))
    seen = torch.cat([b for b, _ in splits.train.batches(7)])
    assert abs(seen[:, 0].mean()) < 1e-5
