"""Full-batch training on one graph."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archwright.data.graphs import Graph
from archwright.errors import UserError
from archwright.estimate import TrainGraph
from archwright.space import Arch, Space
from archwright.supernet import OneOf, Supernet, SupernetStep, Uniform
from archwright.train import GraphTrainer


def graph() -> Graph:
    """Ten nodes whose first feature tells the class, but not in the test nodes."""
    part, y = torch.arange(10), torch.arange(10) % 2
    x = torch.stack([y.float() * 2 - 1, torch.ones(10)], 1)
    x[8:, 0] *= -1
    masks: dict[str, Tensor] = {"train": part < 4, "valid": (part >= 4) & (part < 8), "test": part >= 8}
    return Graph(name="ten", x=x, edge_index=torch.zeros(2, 0, dtype=torch.long), y=y, classes=2, **masks)


def test_one_step_of_gradient_descent() -> None:
    module = nn.Linear(2, 2, bias=False)
    nn.init.zeros_(module.weight)
    trainer = GraphTrainer(epochs=1, optimizer="sgd", lr=0.5, weight_decay=0.0)
    (report,) = trainer.fit(module, graph())
    assert report.metrics["loss"] == pytest.approx(math.log(2))
    # softmax is 1/2: the gradient of row k is the mean of (1/2 - [y = k]) x over the four training nodes
    torch.testing.assert_close(module.weight, torch.tensor([[-0.25, 0.0], [0.25, 0.0]]))
    assert report.metrics == {"loss": report.metrics["loss"], "accuracy": 100.0, "test_accuracy": 0.0}


def test_the_first_best_epoch_counts() -> None:
    """A module that answers from a list: right on 2, 4, 4 and 0 of the validation nodes, on 1, 0, 2, 2 of the test."""
    answers = [[1, 1, 0, 0, 1, 0], [1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1]]

    class Listed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.asked = nn.Parameter(torch.zeros(10, 2)), 0

        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                return self.weight
            right = torch.cat([torch.ones(4, dtype=torch.bool), torch.tensor(answers[self.asked]).bool()])
            self.asked += 1
            return nn.functional.one_hot(torch.where(right, graph().y, 1 - graph().y), 2).float()

    reports = list(GraphTrainer(epochs=4).fit(Listed(), graph()))
    assert [r.metrics["accuracy"] for r in reports] == [50.0, 100.0, 100.0, 100.0]
    assert [r.metrics["test_accuracy"] for r in reports] == [50.0, 0.0, 0.0, 0.0]
    assert [r.step for r in reports] == [0, 1, 2, 3]


class Told(nn.Module):
    """Answers each evaluation with the next of a list of logits, (10, 2)."""

    def __init__(self, answers: list[Tensor]) -> None:
        super().__init__()
        self.weight, self.answers = nn.Parameter(torch.zeros(10, 2)), iter(answers)

    def forward(self, x: Tensor) -> Tensor:
        return self.weight if self.training else next(self.answers)


def test_the_epoch_of_the_smallest_loss() -> None:
    right = nn.functional.one_hot(graph().y, 2).float()
    sure, fair = 9 * right, 0.1 * right
    sure[4] = sure[4].flip(0)  # three of four validation nodes are right, the fourth surely wrong
    fair[8] = fair[8].flip(0)
    by_loss = list(GraphTrainer(epochs=3, select="loss").fit(Told([sure, fair, sure]), graph()))
    assert [r.metrics["accuracy"] for r in by_loss] == [75.0, 100.0, 100.0]
    assert [r.metrics["test_accuracy"] for r in by_loss] == [100.0, 50.0, 50.0]
    soft = 0.1 * right
    soft[4] = soft[4].flip(0)  # less often right than a wrong but wavering `fair`, with a smaller loss than `sure`
    last = list(GraphTrainer(epochs=2, select="loss").fit(Told([sure, soft]), graph()))[-1]
    first = list(GraphTrainer(epochs=2).fit(Told([sure, soft]), graph()))[-1]
    assert last.metrics["accuracy"] == first.metrics["accuracy"] == 75.0
    with pytest.raises(UserError, match="accuracy or loss"):
        GraphTrainer(select="luck")  # type: ignore[arg-type]


def test_a_training_that_diverges_ends() -> None:
    class Exploding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.weight * (1.0 if torch.equal(self.weight, torch.ones(2)) else torch.nan)

    reports = list(GraphTrainer(epochs=9).fit(Exploding(), graph()))
    assert len(reports) == 2
    assert math.isnan(reports[-1].metrics["loss"])
    assert reports[-1].metrics["accuracy"] > 0


def test_shared_weights_are_trained_by_sampled_paths() -> None:
    torch.manual_seed(0)
    options = {name: nn.Linear(2, 2) for name in ("a", "b", "c")}
    net, seen = Supernet(nn.Sequential(OneOf("layer", options)), name="three"), []

    class Listening(Uniform):
        def __call__(self, space: Space, rng: np.random.Generator) -> list[Arch]:
            seen.append(super().__call__(space, rng))
            return seen[-1]

    step = SupernetStep(net.space, Listening(paths=1))
    trainer = GraphTrainer(epochs=12, lr=0.1)
    before = {n: p.detach().clone() for n, p in net.named_parameters()}
    first = list(trainer.fit(net, graph(), step=step, metrics=lambda _: {"here": 1.0}))
    assert len(first) == 12
    assert first[-1].metrics == {"loss": first[-1].metrics["loss"], "here": 1.0}
    assert {paths[0]["layer"] for paths in seen} == {"a", "b", "c"}
    assert all(not torch.equal(p, before[n]) for n, p in net.named_parameters())
    drawn = list(seen)
    seen.clear()
    list(trainer.fit(net, graph(), step=step, metrics=lambda _: {}))
    assert seen == drawn


def build(arch: Arch) -> nn.Module:
    return nn.Sequential(nn.Linear(2, arch["width"]), nn.ReLU(), nn.Dropout(0.5), nn.Linear(arch["width"], 2))


def test_the_seed_decides_weights_and_dropout() -> None:
    estimator = TrainGraph(build, graph(), trainer=GraphTrainer(epochs=6, lr=0.1))
    arch, state = Arch({"width": 8}), torch.get_rng_state()
    first, other = (list(estimator(arch, seed=seed)) for seed in (1, 2))
    again = []
    for report in estimator(arch, seed=1):
        torch.rand(3)  # what others draw between the epochs changes nothing
        again.append(report)
    assert first == again != other
    torch.set_rng_state(state)
    list(estimator(arch, seed=1))
    assert torch.equal(torch.get_rng_state(), state)
    assert len(list(estimator(arch, budget=2, seed=1))) == 2
    assert estimator.source == "trained"


def test_without_test_nodes() -> None:
    g = graph()
    (report,) = GraphTrainer(epochs=1).fit(nn.Linear(2, 2), dataclasses.replace(g, test=torch.zeros(10).bool()))
    assert "test_accuracy" not in report.metrics


def test_what_cannot_be_trained() -> None:
    g = graph()
    with pytest.raises(UserError, match="no valid nodes"):
        next(GraphTrainer().fit(nn.Linear(2, 2), dataclasses.replace(g, valid=torch.zeros(10).bool())))
    with pytest.raises(UserError, match="sgd or adam"):
        GraphTrainer(optimizer="lion")  # type: ignore[arg-type]
    for wrong in ({"epochs": 0}, {"lr": 0.0}, {"weight_decay": -1.0}):
        with pytest.raises(UserError, match="epochs must be"):
            GraphTrainer(**wrong)  # type: ignore[arg-type]
