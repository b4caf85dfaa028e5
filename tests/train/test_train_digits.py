import torch
from torch import nn

from archwright import data
from archwright.train import Trainer, evaluate


def test_small_network_learns_digits_in_a_few_epochs() -> None:
    splits = data.load("digits")
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1, stride=2, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 10),
    )
    history = list(Trainer(epochs=6, batch_size=64, lr=0.1).fit(module, splits))
    assert history[-1].metrics["accuracy"] > 95
    assert evaluate(module, splits.test)["accuracy"] > 95
