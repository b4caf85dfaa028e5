"""Trained networks with published accuracies, that compression is judged on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.data import Split
from archwright.data._storage import data_folders
from archwright.errors import UserError, nearest

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class _Block(nn.Module):
    """Two convolutions and a parameter-free shortcut: every second position, channels padded by zeros (option A)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self._stride, self._more = stride, outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self._more:
            x = F.pad(x[:, :, :: self._stride, :: self._stride], (0, 0, 0, 0, self._more // 2, self._more // 2))
        return F.relu(y + x)


class CifarResNet(nn.Module):
    """ResNet for 32 x 32 images (He et al. 2016, section 4.2): 16, 32 and 64 channels.

    Args:
        depth: 6 n + 2 layers.
        classes: outputs.
    """

    def __init__(self, depth: int = 20, classes: int = 10) -> None:
        super().__init__()
        if depth < 8 or (depth - 2) % 6:
            raise UserError(f"depth is 6 n + 2 (20, 32, 44, 56, 110), got {depth}")
        n = (depth - 2) // 6
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*[_Block(16, 16, 1) for _ in range(n)])
        self.layer2 = nn.Sequential(_Block(16, 32, 2), *[_Block(32, 32, 1) for _ in range(n - 1)])
        self.layer3 = nn.Sequential(_Block(32, 64, 2), *[_Block(64, 64, 1) for _ in range(n - 1)])
        self.linear = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """A trained network with what it was trained for.

    Args:
        module: in eval mode; takes normalised images.
        source: name of its data set.
        accuracy: published, percent of the test images.
        mean, std: of its normalisation, in units of the raw pixels.
    """

    module: nn.Module
    source: str
    accuracy: float
    mean: Tensor
    std: Tensor

    def normalised(self, split: Split) -> Split:
        """The split with the network's own normalisation."""
        return dataclasses.replace(split, mean=self.mean, std=self.std)


_NETWORKS: Final = {"cifar10_resnet20": (20, 91.73), "cifar10_resnet32": (32, 92.63)}


def pretrained(name: str, *, root: Path | None = None) -> Pretrained:
    """A network with its published weights (akamaster/pytorch_resnet_cifar10).

    Args:
        name: `cifar10_resnet20` or `cifar10_resnet32`.
        root: folder that holds `pretrained/`; None: `$ARCHWRIGHT_DATA`, then the cache folder.

    Raises:
        UserError: an unknown name, or a file that is not there.
    """
    if name not in _NETWORKS:
        raise UserError(f"unknown network {name!r}{nearest(name, _NETWORKS)}")
    depth, accuracy = _NETWORKS[name]
    files = [folder / "pretrained" / f"{name}.npz" for folder in data_folders(root)]
    file = next((f for f in files if f.is_file()), None)
    if file is None:
        raise UserError(f"weights of {name} are not in {' or '.join(str(f.parent) for f in files)}")
    with np.load(file) as stored:
        state = {key: torch.from_numpy(stored[key]) for key in stored.files}
    module = CifarResNet(depth)
    state |= {k: v for k, v in module.state_dict().items() if k.endswith("num_batches_tracked")}
    module.load_state_dict(state)
    mean, std = (255 * torch.tensor(v) for v in (_MEAN, _STD))
    return Pretrained(module.eval().requires_grad_(True), "cifar10", accuracy, mean, std)
