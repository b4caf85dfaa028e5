"""Small networks and data for tests of compression."""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright import data


class Residual(nn.Module):
    """Three convolutions with batch normalisation, a sum, a pooled classifier."""

    def __init__(self, channels: int = 8, inputs: int = 1) -> None:
        super().__init__()
        self.stem = nn.Conv2d(inputs, channels, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.second_norm = nn.BatchNorm2d(channels)
        self.head = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem_norm(self.stem(x)))
        inner = F.relu(self.first_norm(self.first(x)), inplace=True)
        x = F.relu(x + self.second_norm(self.second(inner)))
        return self.head(x.mean((2, 3)))


class Bert(nn.Module):
    """Token ids (N, length) to classes: embeddings, two encoder layers, a pooler (Devlin et al. 2019, small)."""

    def __init__(self, words: int = 50, width: int = 16, length: int = 12, classes: int = 3) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(length, width)
        self.norm = nn.LayerNorm(width)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.pooler, self.head = nn.Linear(width, width), nn.Linear(width, classes)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.norm(self.words(ids) + self.places(torch.arange(ids.shape[1], device=ids.device)))
        return self.head(torch.tanh(self.pooler(self.encoder(x)[:, 0])))


def residual(seed: int = 0) -> Residual:
    """With statistics that are not those of the start."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = Residual()
        for m in net.modules():
            if isinstance(m, nn.BatchNorm2d):
                nn.init.uniform_(m.weight, 0.5, 1.5)
                nn.init.normal_(m.bias, std=0.2)
        net.train()
        for _ in range(30):
            net(torch.randn(32, 1, 8, 8))
        return net.eval()


@functools.cache
def trained() -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """A small network trained on digits, 100 calibration images, test images and labels."""
    splits = data.load("digits", seed=0)
    x, y = next(iter(splits.train.batches(len(splits.train))))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
        )  # fmt: skip
        optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
        for _ in range(12):
            for part in torch.randperm(len(x)).split(64):
                optimiser.zero_grad()
                F.cross_entropy(net(x[part]), y[part]).backward()
                optimiser.step()
    test_x, test_y = next(iter(splits.test.batches(len(splits.test))))
    return net.eval(), x[:100], test_x, test_y


@torch.no_grad()
def accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    """Percent."""
    return 100 * float((net(x).argmax(1) == y).float().mean())
