"""A network of one's own, searched, trained and exported by one call.

Run:  python examples/own_network.py [folder]
About a minute on one CPU core. The same on the command line, in this folder:
      archwright search digits --net own_network:build --max-params 8k
"""

import sys

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


def main(folder: str = "runs/own-network", *changes: str) -> None:
    """Search it on digits; `changes` are `key.sub=value`, as after `archwright run`."""
    recipe = aw.recipes.read("default", ["net=own_network:build", "limits.params=8k", *changes])
    result = aw.run.execute(aw.recipes.check(recipe, data="digits"), folder)
    print(result["architecture"], result["params"], result["test"])


if __name__ == "__main__":
    main(*sys.argv[1:])
