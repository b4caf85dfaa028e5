"""Real measurements: no claim about speed that a busy machine could break."""

from __future__ import annotations

import datetime
import json
import logging
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archwright import cost
from archwright.cost._onnx import to_onnx
from archwright.errors import UserError

QUICK = {"warmup": 3, "repeats": 10, "max_seconds": 2.0}


class Sleeps(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        time.sleep(1e-3)
        return x


def mlp(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 4))


def test_sleep_is_not_mistaken_for_work(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = cost.latency(Sleeps(), (1, 3), **QUICK)
    assert found.contended
    assert found.dropped == 20  # three tries of ten, the best ten kept
    assert found.ms >= 1.0
    assert "busy" in caplog.text


def test_fields_and_state() -> None:
    net = mlp(16).train()
    threads = torch.get_num_threads()
    found = cost.latency(net, torch.zeros(5, 64), **QUICK)
    assert torch.get_num_threads() == threads
    assert net.training
    assert (found.runtime, found.version, found.threads) == ("torch", torch.__version__, 1)
    assert (found.batch, found.dtype) == (5, "float32")
    assert found.warmup >= 3
    assert found.loops >= 1
    assert found.device
    assert 0 < found.p10_ms <= found.median_ms <= found.p90_ms
    assert found.ms == found.median_ms == float(found)
    assert datetime.datetime.fromisoformat(found.date).tzinfo is datetime.UTC


def test_threads_are_pinned_inside_and_restored_after_an_error() -> None:
    seen: list[int] = []

    class Looks(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(torch.get_num_threads())
            if len(seen) > 5:
                raise RuntimeError("enough")
            return x

    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="enough"):
        cost.latency(Looks(), (1, 1), threads=before + 1, **QUICK)
    assert set(seen) == {before + 1}
    assert torch.get_num_threads() == before


def test_record_round_trip() -> None:
    found = cost.latency(mlp(4), (1, 64), **QUICK)
    assert cost.Latency.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    with pytest.raises(UserError, match="'speed' is missing or unknown"):
        cost.Latency.from_dict({**found.to_dict(), "speed": 1})


def test_bigger_network_takes_longer() -> None:
    found = cost.compare_latency(mlp(1024), mlp(64), (8, 64), repeats=20, max_seconds=5)
    assert found.ratio > 2
    assert found.first.ms > found.second.ms


@pytest.mark.slow
def test_same_network_compares_equal() -> None:
    net = mlp(512)
    found = cost.compare_latency(net, net, (8, 64), repeats=200)
    assert found.contended or found.ratio == pytest.approx(1.0, abs=0.03)


def test_onnx_runtime(tmp_path: Path) -> None:
    import onnxruntime

    net = nn.Sequential(nn.Linear(64, 2))
    path = to_onnx(net, (1, 64), tmp_path / "m.onnx")
    for x in ((2, 64), torch.zeros(2, 64), np.zeros((2, 64), dtype=np.float32)):
        found = cost.onnx_latency(path, x, **QUICK)
        assert (found.runtime, found.version) == ("onnxruntime", onnxruntime.__version__)
        assert (found.batch, found.dtype) == (2, "float32")
    whole = cost.latency(net, (3, 64), runtime="onnxruntime", **QUICK)
    assert (whole.runtime, whole.batch) == ("onnxruntime", 3)


def test_files_in_turn(tmp_path: Path) -> None:
    big, small = (to_onnx(mlp(width), (1, 64), tmp_path / f"{width}.onnx") for width in (1024, 64))
    found = cost.compare_onnx_latency(big, small, (8, 64), repeats=20, max_seconds=5)
    assert found.ratio > 2
    assert found.first.ms > found.second.ms
    assert (found.first.runtime, found.second.batch) == ("onnxruntime", 8)
    with pytest.raises(UserError, match="no ONNX file"):
        cost.compare_onnx_latency(big, tmp_path / "gone.onnx", (1, 64))
    with pytest.raises(UserError, match="repeats must be at least 1, got 0"):
        cost.compare_onnx_latency(big, small, (1, 64), repeats=0)


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown runtime 'onnx'; did you mean 'onnxruntime'"):
        cost.latency(mlp(4), (1, 64), runtime="onnx")
    with pytest.raises(UserError, match="repeats must be at least 1, got 0"):
        cost.latency(mlp(4), (1, 64), repeats=0)
    with pytest.raises(UserError, match="threads must be at least 1, got -1"):
        cost.compare_latency(mlp(4), mlp(4), (1, 64), threads=-1)
    with pytest.raises(UserError, match="no ONNX file"):
        cost.onnx_latency(tmp_path / "gone.onnx", (1, 64))
