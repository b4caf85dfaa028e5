from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from archwright import data
from archwright.data import Splits


@pytest.fixture(scope="session")
def blobs() -> Splits:
    """A table of two well separated Gaussian classes: 8 columns, 256 rows to train on, 80 each to validate and test."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat([0, 1], 208))
    x = (rng.normal(size=(416, 8)) + 2.0 * y[:, None]).astype(np.float32)
    parts = {"train": slice(256), "valid": slice(256, 336), "test": slice(336, None)}
    return data.load({name: (x[rows], y[rows]) for name, rows in parts.items()})


@pytest.fixture(scope="session")
def stripes() -> Splits:
    """8x8 colour images: horizontal against vertical stripes under noise."""
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1], 120)
    lines = np.tile(np.where(np.arange(8) % 2, 200, 50), (8, 1))
    x = np.where(y[:, None, None], lines, lines.T) + rng.normal(0, 20, (240, 8, 8))
    x_BCHW = x.clip(0, 255).astype(np.uint8)[:, None].repeat(3, axis=1)
    return data.load((x_BCHW, y), valid=0.2, test=0.2)


@pytest.fixture
def mlp() -> Callable[..., nn.Sequential]:
    def make(seed: int = 0, dropout: float = 0.0) -> nn.Sequential:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 2))

    return make


@pytest.fixture
def cnn() -> Callable[..., nn.Sequential]:
    def make(seed: int = 0, dropout: float = 0.2) -> nn.Sequential:
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(32, 2),
        )

    return make
