from __future__ import annotations

from pathlib import Path

import pytest

from archwright.data import _memory


def test_available_memory_is_plausible() -> None:
    assert 2**26 < _memory.available_memory() < 2**50


def test_the_tighter_of_system_and_control_group(monkeypatch: pytest.MonkeyPatch) -> None:
    for system, group, expected in ((5, 3, 3), (5, None, 5), (None, 4, 4), (None, None, _memory._UNKNOWN)):
        monkeypatch.setattr(_memory, "_system", lambda s=system: s)
        monkeypatch.setattr(_memory, "_control_group", lambda g=group: g)
        assert _memory.available_memory() == expected


def test_control_group(tmp_path: Path) -> None:
    assert _memory._control_group(tmp_path) is None
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("300\n")
    assert _memory._control_group(tmp_path) == 700
    (tmp_path / "memory.max").write_text("max\n")
    assert _memory._control_group(tmp_path) is None
