"""Networks with published accuracies."""

from __future__ import annotations

import pytest
import torch

from archwright import bench, data
from archwright.data._storage import data_folders
from archwright.errors import UserError


def test_parameters_of_the_paper() -> None:
    assert sum(p.numel() for p in bench.CifarResNet(20).parameters()) == 269_722
    assert sum(p.numel() for p in bench.CifarResNet(32).parameters()) == 464_154


def test_wrong_names_and_depths() -> None:
    with pytest.raises(UserError, match=r"did you mean.*cifar10_resnet20"):
        bench.pretrained("cifar10_resnet2")
    with pytest.raises(UserError, match="6 n \\+ 2"):
        bench.CifarResNet(21)


def test_published_accuracy_in_a_sample() -> None:
    if not any((folder / "pretrained" / "cifar10_resnet20.npz").is_file() for folder in data_folders(None)):
        pytest.skip("pretrained/cifar10_resnet20.npz is not in ARCHWRIGHT_DATA")
    net = bench.pretrained("cifar10_resnet20")
    test = net.normalised(data.load("cifar10").test.subset(torch.arange(1000)))
    with torch.no_grad():
        right = sum(int((net.module(x).argmax(1) == y).sum()) for x, y in test.batches(250))
    assert right == 910  # 91.73 % of all 10 000
