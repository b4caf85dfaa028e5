"""Names of the machine, from a written-down /proc/cpuinfo and from the real one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from archwright.cost import _device

CPUINFO = (
    "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nflags\t\t: fpu avx2 avx512_vnni sse\n\n"
    "processor\t: 1\nflags\t\t: amx_int8\n"
)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    _device._cpuinfo.cache_clear()


def test_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: CPUINFO)
    assert _device.device_name() == "Some CPU @ 3 GHz"
    assert _device.device_flags() == ("avx2", "avx512_vnni")
    _device._cpuinfo.cache_clear()


def test_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", gone)
    assert _device.device_name()
    assert len(_device.device_flags()) == 1
    _device._cpuinfo.cache_clear()


def test_here() -> None:
    assert _device.device_name(torch.device("cpu"))
    assert _device.device_name(torch.device("meta")) == "meta"
