"""Random streams of the loop: each is derived from (seed, epoch, batch) and nothing else, so there is no state to
store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_STEP, _TORCH = 1, 2


def step_generator(seed: int, epoch: int, batch: int) -> np.random.Generator:
    """The generator a training step is given for this batch; the same in every process of a multi-device run."""
    return np.random.default_rng((seed, epoch, batch, _STEP))


def seed_torch(device: torch.device, seed: int, epoch: int, batch: int, rank: int = 0) -> None:
    """Seed torch's global generators of the CPU and of `device` (dropout) for one batch; other devices are left
    alone."""
    state = np.random.SeedSequence((seed, epoch, batch, _TORCH, rank)).generate_state(1, np.uint64)
    value = int(state[0] >> np.uint64(1))
    torch.default_generator.manual_seed(value)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(value)
    elif device.type == "mps":
        torch.mps.manual_seed(value)


@contextmanager
def preserved(device: torch.device) -> Iterator[None]:
    """Whatever the body does to torch's global generators (CPU and `device`) is undone at the end."""
    devices = [] if device.type == "cpu" else [device.index or 0]
    kind = "cuda" if device.type == "cpu" else device.type
    with torch.random.fork_rng(devices, device_type=kind):
        yield
