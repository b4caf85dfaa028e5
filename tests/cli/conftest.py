"""A small exported network, made once."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from archwright import export


@pytest.fixture(scope="session")
def quiet_network() -> nn.Module:
    """Class k of 3 for an image whose mean is k: logits fall with the distance from 0, 1, 2."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([0.0, 1.0, 2.0])[:, None].expand(3, 64) / 64 * 4)
        network[1].bias.copy_(torch.tensor([0.0, -2.0, -8.0]))
    return network.eval()


@pytest.fixture(scope="session")
def run_folder(quiet_network, tmp_path_factory):
    """Looks like a finished run: `best/` with every file."""
    folder = tmp_path_factory.mktemp("run")
    export.save(
        quiet_network,
        folder / "best",
        example=(1, 1, 8, 8),
        architecture={"width": 3},
        space="convnet",
        classes=("none", "one", "two"),
    )
    return folder


@pytest.fixture(scope="session")
def table_folder(tmp_path_factory):
    """The same for rows of two numbers: class 1 if the first is larger."""
    network = nn.Sequential(nn.Linear(2, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
        network[0].bias.zero_()
    folder = tmp_path_factory.mktemp("table")
    export.save(network, folder / "best", example=(1, 2), architecture={}, classes=("second", "first"))
    return folder
