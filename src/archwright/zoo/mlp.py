"""`mlp`: residual multilayer perceptrons for tabular rows (Gorishniy et al. 2021, ResNet for tabular data)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from archwright.space import Ordinal
from archwright.supernet import Depth, ElasticLayerNorm, ElasticLinear, Product, Supernet
from archwright.zoo._inputs import check


def mlp(
    *, in_channels: int = 16, classes: int = 2, image_size: int | None = None, width: int = 64, depth: int = 4
) -> Supernet:
    """Elastic residual perceptron: width, depth, and the hidden expansion of every block.

    Args:
        in_channels: columns of a table, or channels of an image.
        classes: number of outputs.
        image_size: None for rows (N, in_channels); for images (N, in_channels, S, S), which are flattened, S.
        width: largest width.
        depth: largest number of blocks.

    Raises:
        UserError: sizes out of range.
    """
    check("mlp", in_channels=in_channels, classes=classes, image_size=image_size)
    features = in_channels * (image_size or 1) ** 2
    shape = (in_channels,) if image_size is None else (in_channels, image_size, image_size)
    return Supernet(_MLP(features, classes, width, depth), name="mlp", input_shape=shape)


class _MLP(nn.Module):
    def __init__(self, features: int, classes: int, width: int, depth: int) -> None:
        super().__init__()
        size = Ordinal("width", tuple(sorted({max(4, width // 4), max(4, width // 2), max(4, width * 3 // 4), width})))
        self.stem = ElasticLinear(features, size)
        blocks = [_Block(f"block{b}", size) for b in range(1, depth + 1)]
        self.blocks = Depth(Ordinal("depth", tuple(range(depth + 1))), blocks)
        self.norm = ElasticLayerNorm(size)
        self.head = ElasticLinear(size, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.stem(x.flatten(1)))
        return self.head(F.relu(self.norm(x)))


class _Block(nn.Module):
    def __init__(self, name: str, width: Ordinal) -> None:
        super().__init__()
        hidden = Product(width, Ordinal(f"{name}.expansion", (1, 2, 3)))
        self.norm = ElasticLayerNorm(width)
        self.expand = ElasticLinear(width, hidden)
        self.project = ElasticLinear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.project(F.relu(self.expand(self.norm(x))))
