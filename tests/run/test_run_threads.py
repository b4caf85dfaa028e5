"""Threads of a run."""

from __future__ import annotations

import contextlib

import pytest
import torch

from archwright.run._threads import suited_threads

CASES = [((1, 8, 8), "cpu", 1), ((3, 32, 32), "cpu", 2), ((8,), "meta", 2)]


@pytest.mark.parametrize(("shape", "device", "inside"), CASES)
def test_small_inputs_on_a_cpu_get_one_thread(shape: tuple[int, ...], device: str, inside: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    seen = 0
    try:
        with contextlib.suppress(KeyError), suited_threads(shape, torch.device(device)):
            seen = torch.get_num_threads()
            raise KeyError
        assert (seen, torch.get_num_threads()) == (inside, 2)
    finally:
        torch.set_num_threads(before)
