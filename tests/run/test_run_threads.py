"""Threads of a run."""

from __future__ import annotations

import pytest
import torch

from archwright.run._threads import suited_threads


@pytest.mark.parametrize(
    ("shape", "device", "inside"), [((1, 8, 8), "cpu", 1), ((3, 32, 32), "cpu", 2), ((8,), "meta", 2)]
)
def test_small_inputs_on_a_cpu_get_one_thread(shape: tuple[int, ...], device: str, inside: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyError), suited_threads(shape, torch.device(device)):
            assert torch.get_num_threads() == inside
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
