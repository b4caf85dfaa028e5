"""Small supernets and data for tests of search by gradient."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from archwright import data
from archwright.space import Choice
from archwright.supernet import Cell, OneOf, Supernet


class _Chain(nn.Module):
    """Two layers, each useful, an identity, or noise."""

    def __init__(self) -> None:
        super().__init__()
        self.first = OneOf("first", {"linear": nn.Linear(4, 4), "skip_connect": nn.Identity(), "tanh": nn.Tanh()})
        self.second = OneOf("second", {"linear": nn.Linear(4, 4), "skip_connect": nn.Identity()})
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(torch.relu(self.first(x))))


def chain(seed: int = 0) -> Supernet:
    """A chain of two choices."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Supernet(_Chain(), name="chain", input_shape=(4,))


class _Cells(nn.Module):
    """Two cells of one type that share their choices, and one of another."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.ModuleList(_cell(kind) for kind in ("normal", "normal", "reduce"))
        self.norms = nn.ModuleList(nn.LayerNorm(4) for _ in self.cells)  # factors that sum would blow up without
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        before = last = x
        for cell, norm in zip(self.cells, self.norms):
            before, last = last, norm(cell(before, last))
        return self.head(last)


OPERATIONS = ("skip_connect", "linear", "tanh")


def _cell(kind: str) -> Cell:
    """Two inputs, three nodes; each of the last two keeps two of its inputs."""
    edges = {
        (i, j): OneOf(
            Choice(f"{kind}.edge{i}{j}", OPERATIONS),
            {"skip_connect": nn.Identity(), "linear": nn.Linear(4, 4), "tanh": nn.Tanh()},
        )
        for j in (2, 3, 4)
        for i in range(j)
    }
    pairs = {j: tuple(f"{a}+{b}" for a, b in itertools.combinations(range(j), 2)) for j in (3, 4)}
    sources = {j: Choice(f"{kind}.sources{j}", options) for j, options in pairs.items()}
    return Cell(edges, inputs=2, output="sum", sources=sources)


def cells(seed: int = 0) -> Supernet:
    """Cells of two types with input choices."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Supernet(_Cells(), name="cells", input_shape=(4,))


def blobs(samples: int = 240, seed: int = 0) -> data.Splits:
    """Three Gaussian classes in four dimensions."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(samples) % 3
    x = torch.randn(samples, 4, generator=generator) + 2.0 * nn.functional.one_hot(y, 4).float()
    return data.load(torch.utils.data.TensorDataset(x, y), seed=seed)
