"""Training-speed estimators: the arithmetic of the sheet, the evidence bound, the wrapper, the one-shot protocol."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from archwright import data, zoo
from archwright.errors import UserError
from archwright.estimate import ESTIMATORS, Estimator, FineTuned, Table, Train, TrainingSpeed
from archwright.estimate.curves import sotl, sotl_e, speed, tse, tse_e, tse_ema, tse_ema_release
from archwright.registry import Part
from archwright.search import Random
from archwright.space import Arch, Choice, Space
from archwright.study import Study
from archwright.testing import EstimatorContract
from archwright.train import Trainer
from archwright.trial import Report

A, B = (2.0, 1.0, 0.5, 0.4), (1.0, 0.9, 0.85, 0.8)
curves = st.lists(st.floats(0, 10), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("estimator", "a", "b"),
    [
        (tse, 3.9, 3.55),
        (tse_e, 0.4, 0.8),
        (lambda c: tse_e(c, 2), 0.9, 1.65),
        (tse_ema, 3.118, 3.023),
        (lambda c: tse_ema(c, 0.5), 1.15, 1.575),
        (tse_ema_release, 0.416, 0.8056),
        (lambda c: sotl(c, 7), 27.3, 24.85),
        (lambda c: sotl_e(c, 2, 7), 6.3, 11.55),
    ],
)
def test_the_arithmetic_of_the_sheet(estimator, a, b):
    assert estimator(A) == pytest.approx(a, abs=1e-3)
    assert estimator(B) == pytest.approx(b, abs=1e-3)


@given(curves)
def test_the_ends_of_the_decay_are_the_other_estimators(losses):
    assert tse_ema(losses, 1.0) == pytest.approx(tse(losses))
    assert tse_ema(losses, 0.0) == pytest.approx(tse_e(losses, 1))
    assert tse_e(losses, len(losses) + 3) == pytest.approx(tse(losses))
    assert tse_ema_release(losses, 1.0) == pytest.approx(losses[-1])


@given(curves, st.floats(0, 1))
def test_closed_forms_equal_the_recursions(losses, decay):
    s, m = 0.0, losses[0]
    for i, loss in enumerate(losses):
        s = decay * s + loss
        m = (1 - decay) * m + decay * loss if i else m
    assert tse_ema(losses, decay) == pytest.approx(s)
    assert tse_ema_release(losses, decay) == pytest.approx(m)


@pytest.mark.parametrize("kind", ["sotl", "sotl-e", "tse", "tse-e", "tse-ema", "tse-ema-release"])
def test_a_divergence_ranks_last_also_when_it_recovers(kind):
    for losses in ([1.0, math.nan, 0.1, 0.1], [1.0, math.inf, 0.1, 0.1], [1.0, 0.5, -math.inf]):
        assert speed(losses, kind) == math.inf


def test_reports_are_read_and_those_without_a_loss_are_skipped():
    reports = [Report(step=0, metrics={"params": 9.0})]
    reports += [Report(step=i, metrics={"train_loss": v}) for i, v in enumerate(A)]
    assert speed(reports, "tse") == speed(np.array(A), "tse") == tse(A)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: speed(A, "tse-em"), "did you mean"),
        (lambda: tse([]), "at least 1"),
        (lambda: tse_e(A, 0), "at least 1 epoch"),
        (lambda: tse_ema(A, 1.5), "decay"),
        (lambda: tse_ema_release(A, -0.1), "new"),
        (lambda: sotl(A, 0), "batches"),
        (lambda: TrainingSpeed(Table({}), decay=2.0), "decay"),
    ],
)
def test_wrong_settings_are_told(call, message):
    with pytest.raises(UserError, match=message):
        call()


def _bayes(y):
    """Log evidence and sum of posterior-expected log likelihoods of theta ~ N(0, 1), y_i ~ N(theta, 1)."""
    evidence = total = mean = 0.0
    precision = 1.0
    for v in y:
        variance = 1 / precision
        evidence -= 0.5 * (math.log(2 * math.pi * (1 + variance)) + (v - mean) ** 2 / (1 + variance))
        total -= 0.5 * (math.log(2 * math.pi) + (v - mean) ** 2 + variance)
        mean = (mean * precision + v) / (precision + 1)
        precision += 1
    return evidence, total


def test_the_sum_of_losses_bounds_the_evidence():
    evidence, total = _bayes((1.0, 2.0, 0.5))
    assert (evidence, total) == pytest.approx((-4.543713, -5.423482), abs=1e-6)
    orders = [_bayes(order) for order in itertools.permutations((1.0, 2.0, 0.5))]
    assert all(e == pytest.approx(evidence) and e >= t for e, t in orders)
    assert len({round(t, 9) for _, t in orders}) > 1


class _Curves(Estimator):
    source = "curves"

    def __init__(self) -> None:
        self.closed = 0

    def __call__(self, arch, *, budget=None, seed=0):
        losses = A if arch["a"] == "x" else B
        try:
            for i, loss in enumerate(losses[: round(budget) if budget else None]):
                yield Report(step=i, metrics={"train_loss": loss, "accuracy": 10.0 * i})
        finally:
            self.closed += 1


SPACE = Space([Choice("a", ("x", "y"))])


def test_every_report_gets_the_score_of_the_epochs_so_far():
    reports = list(TrainingSpeed(_Curves(), kind="tse-e")(Arch({"a": "x"})))
    assert [r.metrics["score"] for r in reports] == [-v for v in A]
    assert [r.metrics["tse_e"] for r in reports] == list(A)
    assert [r.metrics["accuracy"] for r in reports] == [0.0, 10.0, 20.0, 30.0]


def test_an_abandoned_training_is_ended():
    inner = _Curves()
    reports = TrainingSpeed(inner)(Arch({"a": "x"}))
    next(reports)
    reports.close()
    assert inner.closed == 1


def test_an_estimator_without_a_training_loss_is_refused():
    with pytest.raises(UserError, match="train_loss"):
        list(TrainingSpeed(Table({Arch({"a": "x"}): {"accuracy": 1.0}}))(Arch({"a": "x"})))


def test_a_search_by_training_speed():
    for kind, best in (("tse", "y"), ("tse-e", "x")):
        study = Study(
            SPACE, Random(SPACE, objectives=("score",)), TrainingSpeed(_Curves(), kind=kind), objectives=("score",)
        )
        assert study.run(trials=6).best.arch["a"] == best


@pytest.fixture(scope="module")
def splits():
    rng, y = np.random.default_rng(0), np.arange(300) % 3
    return data.load((rng.normal(y[:, None], 1.0, (300, 5)).astype(np.float32), y))


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return zoo.build("mlp", in_channels=5, classes=3, width=16, depth=2)


@pytest.fixture
def archs(net):
    rng = np.random.default_rng(3)
    return [net.space.sample(rng) for _ in range(3)]


class TestTrainingSpeed(EstimatorContract):
    @pytest.fixture
    def estimator(self, net, splits):
        return TrainingSpeed(Train(net, splits, trainer=Trainer(epochs=2)))

    @pytest.fixture
    def space(self, net):
        return net.space


class TestFineTuned(EstimatorContract):
    @pytest.fixture
    def estimator(self, net, splits):
        return TrainingSpeed(FineTuned(net, splits, batches=3), kind="tse")

    @pytest.fixture
    def space(self, net):
        return net.space


def test_candidates_see_the_same_batches_and_leave_the_supernet_alone(net, splits, archs):
    before = {k: v.clone() for k, v in net.state_dict().items()}
    judge = TrainingSpeed(FineTuned(net, splits, batches=4), kind="tse")
    alone = [r.metrics["tse"] for r in judge(archs[0], seed=1)]
    for arch in archs[1:]:
        list(judge(arch, seed=2))
    assert [r.metrics["tse"] for r in judge(archs[0], seed=3)] == alone
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_the_one_shot_loss_is_the_mean_of_single_steps(net, splits, archs):
    """Literal: the sub-network, SGD with momentum at a constant rate, the losses before each step."""
    judge = FineTuned(net, splits, batches=3, batch_size=32)
    reported = next(judge(archs[0])).metrics["train_loss"]
    module = net.extract(archs[0]).train()
    decayed = [p for p in module.parameters() if p.ndim > 1]
    rest = [p for p in module.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 5e-4}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=1e-3, momentum=0.9, nesterov=True)
    losses = []
    for x, y in judge._part(None).train.batches(32, shuffle=True, drop_last=True, seed=0):
        loss = torch.nn.functional.cross_entropy(module(x), y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert len(losses) == 3
    assert reported == pytest.approx(np.mean(losses), rel=2e-2)  # the trainer may compute in bf16


def test_a_recipe_builds_it(net, splits, archs):
    inner = Part("estimator", "fine-tuned", {"batches": 2})
    judge = Part("estimator", "training-speed", {"inner": inner, "kind": "tse-e"}).build(
        ESTIMATORS, net=net, splits=splits
    )
    assert "tse_e" in list(judge(archs[0]))[-1].metrics
