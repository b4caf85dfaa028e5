"""Untrained networks of a table's architectures."""

from __future__ import annotations

import torch
from torch import nn

from archwright.space import Arch
from archwright.supernet import Supernet


def fresh(supernet: Supernet, arch: Arch, seed: int) -> nn.Module:
    """`arch` as a plain network, initialised from `seed`; the random state of the process stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return supernet.extract(arch, fresh=True)
