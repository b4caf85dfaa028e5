"""How many threads a run computes with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

_SMALL = 256  # values an input: an image of 16 x 16, a table of 256 columns


@contextmanager
def suited_threads(input_shape: Sequence[int], device: torch.device) -> Iterator[None]:
    """One thread on a CPU while inputs are small, torch's own number otherwise.

    The layers of such networks take microseconds: handing them to several threads gains nothing on a quiet machine and
    costs a multiple on a busy one, where a step waits for the thread that was not let in.
    """
    before = torch.get_num_threads()
    if device.type == "cpu" and math.prod(input_shape) <= _SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
