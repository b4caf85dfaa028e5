"""A data set of one's own, from a torch `Dataset` to exported files, with the parts that the default recipe is made of.

Run:  python examples/own_dataset.py [folder]
About two minutes on one CPU core.
"""

import sys

import torch
from torch import nn

import archwright as aw


class Stripes(torch.utils.data.Dataset):
    """Pictures of horizontal (0), vertical (1) or diagonal (2) stripes under noise."""

    classes = ("horizontal", "vertical", "diagonal")

    def __len__(self) -> int:
        return 900

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        generator = torch.Generator().manual_seed(i)
        row, column = torch.meshgrid(torch.arange(12), torch.arange(12), indexing="ij")
        stripes = ((row, column, row + column)[i % 3] // 2 % 2).float()
        return (stripes + torch.randn(12, 12, generator=generator))[None], i % 3


def main(folder: str = "runs/own-dataset", epochs: int = 30, trials: int = 100) -> None:
    """Train a supernet, search it under a limit, train the best network, export it."""
    splits = aw.data.load(Stripes(), seed=0)
    sizes = {"in_channels": splits.in_channels, "classes": len(splits.classes), "image_size": splits.image_size}
    net = aw.zoo.build("convnet", **sizes)

    step = aw.supernet.SupernetStep(net.space, aw.supernet.Sandwich(random=2))
    list(aw.train.Trainer(epochs=epochs).fit(net, splits, step, metrics=lambda module: {}))

    judge = aw.estimate.WithCosts(aw.estimate.SharedWeights(net, splits), aw.estimate.NetworkCosts(net))
    objectives, limits = ("accuracy", "flops"), {"params": 10_000}
    best = aw.Study(net.space, "nsga2", judge, objectives=objectives, limits=limits).run(trials=trials).best

    model = net.extract(best.arch)
    list(aw.train.Trainer(epochs=epochs, lr=0.05).fit(model, splits))
    print(best.arch, aw.cost.params(model), aw.train.evaluate(model, splits.test))

    raw = nn.Sequential(splits.normalizer(), model).eval()  # takes the values as they are in the data
    example = splits.train.x[:1].float()
    aw.export.save(raw, folder, example=example, architecture=best.arch, classes=splits.classes)


if __name__ == "__main__":
    main(*sys.argv[1:])
