"""Ensembles of small networks, trained together; legend: M members, N architectures, V nodes, F features."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.estimate.predict._regressor import Array, Regressor
from archwright.space import Arch, Space


class Ensemble(Regressor):
    """Members differ in initial weights and in the resampling of the examples; their disagreement is the uncertainty
    (Lakshminarayanan, Pritzel, Blundell 2017). Full batches, AdamW, cosine schedule.

    Args:
        space: of the architectures.
        members: M, at least 2.
        width: of the hidden layers.
        epochs: updates.
        lr: largest learning rate.
        weight_decay: of AdamW.
        seed: of weights and resampling.
    """

    def __init__(
        self,
        space: Space,
        *,
        members: int = 5,
        width: int = 64,
        epochs: int = 300,
        lr: float = 1e-2,
        weight_decay: float = 1e-2,
        seed: int = 0,
    ) -> None:
        super().__init__(space, seed=seed)
        if members < 2 or width < 1 or epochs < 1:
            raise UserError(f"members must be at least 2, width and epochs at least 1: {members}, {width}, {epochs}")
        self.members, self.width, self.epochs, self.lr, self.weight_decay = members, width, epochs, lr, weight_decay

    @abstractmethod
    def _network(self) -> nn.Module:
        """A network from what `_input` gives to (M, N)."""

    @abstractmethod
    def _input(self, archs: list[Arch], *, learning: bool) -> tuple[Tensor, ...]:
        """Arguments of the network."""

    def _fit(self, archs: list[Arch], y: Array) -> None:
        x = self._input(archs, learning=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self._net = self._network()
        drawn = np.random.default_rng(self.seed).multinomial(len(y), np.full(len(y), 1 / len(y)), size=self.members)
        counts = torch.as_tensor(drawn, dtype=torch.float32)  # how often each member sees each example
        target = torch.as_tensor(y, dtype=torch.float32)
        optimizer = torch.optim.AdamW(self._net.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs)
        with torch.enable_grad():
            for _ in range(self.epochs):
                loss = (counts * (self._net(*x) - target) ** 2).mean(1).sum()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()

    @torch.no_grad()
    def _predict(self, archs: list[Arch]) -> tuple[Array, Array]:
        values = self._net(*self._input(archs, learning=False)).double().numpy()
        return values.mean(0), values.std(0)


class MLP(Ensemble):
    """Ensemble of perceptrons with two hidden layers on encodings. Arguments as `Ensemble`."""

    def _network(self) -> nn.Module:
        features = len(self.space.encode(self.space.sample(np.random.default_rng(0)), kind="one_hot"))
        m, w = self.members, self.width
        return nn.Sequential(Layer(m, features, w), nn.ReLU(), Layer(m, w, w), nn.ReLU(), Layer(m, w, 1), _Last())

    def _input(self, archs: list[Arch], *, learning: bool) -> tuple[Tensor, ...]:
        return (torch.as_tensor(self._encoded(archs), dtype=torch.float32),)


class Layer(nn.Module):
    """A linear layer for every member.

    Args:
        members: M.
        before, after: features.
    """

    def __init__(self, members: int, before: int, after: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(members, before, after) * (2 / before) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(members, 1, after))

    def forward(self, x: Tensor) -> Tensor:
        """(N, before) or (M, N, before) -> (M, N, after)."""
        return torch.matmul(x, self.weight) + self.bias


class _Last(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        """(M, N, 1) -> (M, N)."""
        return x.squeeze(-1)
