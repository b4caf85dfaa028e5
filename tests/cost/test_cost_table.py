"""The look-up table with a clock that knows the answer, and once with the real one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archwright import cost
from archwright.cost import Latency, LatencyTable, _table
from archwright.errors import UserError

SHAPE = (3, 8, 8)
OVERHEAD = 0.007


def net(*widths: int) -> nn.Module:
    layers: list[nn.Module] = []
    before = 3
    for width in widths:
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 2)).eval()


NETS = [net(4), net(4, 4), net(8), net(8, 4), net(4, 4, 8)]


class FakeClock:
    """A microsecond a multiply-accumulate, an overhead a call, 0.1 ms a whole network extra; counts its calls."""

    def __init__(self, template: Latency) -> None:
        self.template = template
        self.calls = 0

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...], **_: Any) -> Latency:
        self.calls += 1
        whole = isinstance(module, nn.Sequential)
        ms = 1e-3 * cost.macs(Wrapped(module, inputs), (1,)) + OVERHEAD + 0.1 * whole
        return dataclasses.replace(self.template, median_ms=ms, batch=len(inputs[0]))


class Wrapped(nn.Module):
    def __init__(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        super().__init__()
        self.module, self.inputs = module, inputs

    def forward(self, x: Tensor) -> Tensor:
        return self.module(*self.inputs)


@pytest.fixture(scope="module")
def template() -> Latency:
    return cost.latency(nn.Linear(2, 2), (1, 2), warmup=1, repeats=3)


@pytest.fixture
def clock(template: Latency, monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock(template)
    monkeypatch.setattr(_table, "measure", clock)
    return clock


def test_each_operation_once_and_an_additive_clock_is_recovered(clock: FakeClock) -> None:
    seen: list[tuple[int, int]] = []
    table = LatencyTable.build(NETS, SHAPE, progress=lambda done, todo: seen.append((done, todo)))
    # 3->4, 4->4, 3->8, 8->4, 4->8; pool, flatten and linear for 4 and 8 channels
    assert len(table.entries) == 5 + 2 * 3
    todo = len(table.entries) + len(NETS)
    assert clock.calls == todo + 1  # and once nothing
    assert seen == [(i + 1, todo) for i in range(todo)]
    assert table.protocol.overhead_ms == pytest.approx(OVERHEAD)
    key = next(key for key in table.entries if key.startswith("Linear(in_features=8"))
    assert table.entries[key] == pytest.approx(8 * 2 * 1e-3)
    assert table.fit.b == pytest.approx(1.0)
    assert table.fit.a == pytest.approx(0.1 + OVERHEAD)
    assert table.fit.r2 == pytest.approx(1.0)
    assert table.fit.tau == pytest.approx(1.0)
    assert table.fit.networks == 5


def test_predicts_unseen_combinations_of_seen_operations(clock: FakeClock) -> None:
    table = LatencyTable.build(NETS, SHAPE)
    new = net(8, 4, 4)
    assert table.predict(new, SHAPE) == pytest.approx(cost.macs(new, (1, *SHAPE)) * 1e-3 + 0.1 + OVERHEAD)


def test_missing_operations_are_named_or_measured(clock: FakeClock) -> None:
    table = LatencyTable.build(NETS, SHAPE)
    new = net(16)
    with pytest.raises(UserError, match=r"does not know Conv2d\(in_channels=3, out_channels=16.* and 3 more"):
        table.predict(new, SHAPE)
    before = len(table.entries)
    assert table.predict(new, SHAPE, measure_missing=True) > 0
    assert len(table.entries) == before + 4
    calls = clock.calls
    table.predict(new, SHAPE)
    assert clock.calls == calls


def test_other_device_cannot_add_operations(clock: FakeClock) -> None:
    table = LatencyTable.build(NETS, SHAPE)
    clock.template = dataclasses.replace(clock.template, device="another")
    with pytest.raises(UserError, match="not of another"):
        table.predict(net(16), SHAPE, measure_missing=True)


def test_round_trip(clock: FakeClock, tmp_path: Path) -> None:
    table = LatencyTable.build(NETS, SHAPE, batch=2)
    assert table.protocol.batch == 2
    again = LatencyTable.load(table.save(tmp_path / "tables" / "here.json"))
    assert again.entries == table.entries
    assert again.protocol == table.protocol
    assert again.networks == table.networks
    assert again.fit == table.fit
    assert again.predict(NETS[0], SHAPE) == table.predict(NETS[0], SHAPE)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "protocol": {}}'])
def test_files_that_are_no_tables(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(UserError, match="is not a latency table"):
        LatencyTable.load(path)


def test_other_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no latency table at"):
        LatencyTable.load(tmp_path / "gone.json")
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"format": 99}))
    with pytest.raises(UserError, match="format 99"):
        LatencyTable.load(path)
    with pytest.raises(UserError, match="at least one network"):
        LatencyTable.build([], SHAPE)
    with pytest.raises(UserError, match="unknown runtime"):
        LatencyTable.build(NETS, SHAPE, runtime="tensorrt")


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_real_clock(runtime: str) -> None:
    nets = [nn.Sequential(nn.Linear(8, 2), nn.ReLU()).eval()]
    table = LatencyTable.build(nets, (8,), runtime=runtime, repeats=5)
    assert table.protocol.runtime == runtime
    assert len(table.entries) == 1
    assert all(ms >= 0 for ms in table.entries.values())
    assert torch.tensor(table.networks).shape == (1, 2)
    assert table.predict(nets[0], (8,)) > 0
