"""A network of one's own, searched, trained and exported by one call.

Run:  python examples/own_network.py [folder]
About a minute on one CPU core. The same on the command line, in this folder:
      archwright search digits --net own_network:build --max-params 8k
"""

import sys

import torch
from torch import nn

import archwright as aw
from archwright.supernet import Depth, ElasticBatchNorm2d, ElasticConv2d, ElasticLinear


def build(*, in_channels: int, classes: int, image_size: int) -> aw.Supernet:
    """Convolutions of one width, as many as the architecture says."""
    width = aw.Ordinal("width", (8, 12, 16))

    def block() -> nn.Module:
        return nn.Sequential(ElasticConv2d(width, width, 3, bias=False), ElasticBatchNorm2d(width), nn.ReLU())

    network = nn.Sequential(
        ElasticConv2d(in_channels, width, aw.Ordinal("kernel", (3, 5))),
        Depth(aw.Ordinal("depth", (1, 2, 3)), [block() for _ in range(3)]),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        ElasticLinear(width, classes),
    )
    return aw.Supernet(network, input_shape=(in_channels, image_size, image_size))


def main(folder: str = "runs/own-network", *settings: str) -> None:
    """Search it on digits; `settings` are changes of the recipe, `key.sub=value`."""
    torch.manual_seed(0)  # of the initial weights
    net = build(in_channels=1, classes=10, image_size=8)
    run = aw.design("digits", net=net, limits={"params": "8k"}, settings=settings, out=folder)
    print(run.result["architecture"], run.result["params"], run.result["test"])


if __name__ == "__main__":
    main(*sys.argv[1:])
