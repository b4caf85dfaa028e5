import dataclasses
import functools
import logging
import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archwright.data import Splits
from archwright.errors import ArchwrightError, UserError
from archwright.train import Trainer, _engine, _loop, evaluate, supervised

Make = Callable[..., nn.Sequential]
QUICK = Trainer(epochs=3, batch_size=32, lr=0.05, device="cpu")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be an integer of at least 1, got 0"),
        ({"batch_size": 2.5}, "batch_size must be an integer of at least 1, got 2.5"),
        ({"minutes": 0}, "minutes must be a number above 0, got 0"),
        ({"lr": float("nan")}, "lr must be a number above 0, got nan"),
        ({"clip": -1.0}, "clip must be a number above 0"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\), got 1.0"),
        ({"ema": 1.0}, r"ema must be in \[0, 1\), got 1.0"),
        ({"weight_decay": -1e-4}, "weight_decay must be at least 0"),
        ({"patience": 0}, "patience must be an integer of at least 1"),
        ({"optimizer": "sdg"}, "unknown optimizer 'sdg'; did you mean 'sgd'"),
        ({"schedule": "cosin"}, "unknown schedule 'cosin'; did you mean 'cosine'"),
        ({"precision": "64"}, "unknown precision '64'"),
        ({"epochs": 5, "warmup": 5.0}, "warmup must be shorter than the 5 epochs, got 5.0"),
    ],
)
def test_settings_are_checked(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Trainer(**settings)


def test_settings_are_stored_and_keyword_only() -> None:
    assert Trainer(lr=0.3).lr == 0.3
    assert Trainer().planned_epochs == 40
    assert Trainer(minutes=1.0).planned_epochs == float("inf")
    assert Trainer(minutes=1.0, epochs=7).planned_epochs == 7
    with pytest.raises(TypeError):
        Trainer(10)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_learns_a_separable_table(blobs: Splits, mlp: Make, optimizer: str) -> None:
    lr = 0.05 if optimizer == "sgd" else 0.01
    trainer = Trainer(epochs=5, batch_size=32, lr=lr, optimizer=optimizer)
    module = mlp()
    history = list(trainer.fit(module, blobs))
    assert [r.step for r in history] == [0, 1, 2, 3, 4]
    assert history[-1].metrics["train_loss"] < history[0].metrics["train_loss"]
    assert history[-1].metrics["accuracy"] > 97
    assert evaluate(module, blobs)["accuracy"] == history[-1].metrics["accuracy"]
    assert not module.training


def test_learns_images_in_either_precision_and_layout(stripes: Splits, cnn: Make) -> None:
    for settings in ({"precision": "32"}, {"precision": "bf16"}, {"channels_last": False}):
        trainer = Trainer(epochs=4, batch_size=32, lr=0.1, device="cpu", augment="none", **settings)
        assert list(trainer.fit(cnn(), stripes))[-1].metrics["accuracy"] > 97


def test_report_has_the_documented_metrics(blobs: Splits, mlp: Make) -> None:
    report = next(QUICK.fit(mlp(), blobs))
    assert set(report.metrics) == {"train_loss", "lr", "images_per_second", "accuracy", "loss", "seconds"}
    assert all(type(value) is float for value in report.metrics.values())


def test_learning_rate_follows_schedule_and_warmup(blobs: Splits, mlp: Make) -> None:
    trainer = dataclasses.replace(QUICK, epochs=4, schedule="linear", warmup=1.0, lr=0.4)
    steps = len(blobs.train) // 32
    rates = [r.metrics["lr"] for r in trainer.fit(mlp(), blobs)]
    expected = [0.4, *(0.4 * (1 - (e - (e > 0) / steps) / 3) for e in (1, 2, 3))]
    assert rates == pytest.approx(expected)


def test_nothing_happens_before_the_first_report_is_asked_for(blobs: Splits, mlp: Make) -> None:
    module = mlp()
    before = module[0].weight.detach().clone()
    QUICK.fit(module, blobs)
    assert torch.equal(module[0].weight, before)
    assert module.training


def test_same_seed_same_bits_whatever_the_global_generator(blobs: Splits, mlp: Make) -> None:
    def train(seed: int, state: int) -> Tensor:
        module = mlp(dropout=0.5)
        torch.manual_seed(state)
        np.random.seed(state)  # noqa: NPY002
        list(QUICK.fit(module, blobs, seed=seed))
        return module[0].weight.detach()

    first = train(0, 1)
    assert torch.equal(first, train(0, 2))
    assert not torch.equal(first, train(1, 1))


def test_global_generator_is_untouched(blobs: Splits, mlp: Make) -> None:
    module = mlp(dropout=0.5)
    state = torch.get_rng_state()
    for _ in QUICK.fit(module, blobs):
        assert torch.equal(torch.get_rng_state(), state)


def test_module_stays_plain(stripes: Splits, cnn: Make) -> None:
    module = cnn()
    objects, hooks = [id(t) for t in module.parameters()], module._forward_hooks
    list(QUICK.fit(module, stripes))
    assert [id(t) for t in module.parameters()] == objects
    assert type(module) is nn.Sequential
    assert not hooks
    assert all(p.grad is None for p in module.parameters())
    assert all(p.is_contiguous() for p in module.parameters())


def test_step_gets_the_module_itself_with_its_further_arguments(blobs: Splits) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.options = nn.ModuleDict({"a": nn.Linear(8, 2), "b": nn.Linear(8, 2)})

        def forward(self, x: Tensor, arch: Mapping[str, str]) -> Tensor:
            return self.options[arch["op"]](x)

    net, seen = Net(), []

    def step(
        module: nn.Module, x: Tensor, y: Tensor, *, backward: Callable[[Tensor], None], rng: np.random.Generator
    ) -> dict[str, Tensor | float]:
        arch = {"op": str(rng.choice(["a", "b"]))}
        seen.append((module, arch["op"]))
        loss = nn.functional.cross_entropy(module(x, arch), y)
        backward(loss)
        return {"loss": loss, "drawn_a": float(arch["op"] == "a")}

    report = next(QUICK.fit(net, blobs, step, metrics=lambda m: {"score": 1.0}))
    assert {id(module) for module, _ in seen} == {id(net)}
    assert {op for _, op in seen} == {"a", "b"}
    assert report.metrics["train_drawn_a"] == pytest.approx(np.mean([op == "a" for _, op in seen]))
    assert report.metrics["score"] == 1.0
    assert "accuracy" not in report.metrics


def test_metrics_see_the_module_in_eval_mode(blobs: Splits, mlp: Make) -> None:
    modes = []

    def metrics(module: nn.Module) -> dict[str, float]:
        modes.append(module.training)
        return {}

    list(QUICK.fit(mlp(), blobs, metrics=metrics))
    assert modes == [False] * 3


def test_evaluate_every_still_evaluates_the_last_epoch(blobs: Splits, mlp: Make) -> None:
    trainer = dataclasses.replace(QUICK, epochs=5, evaluate_every=2)
    assert ["accuracy" in r.metrics for r in trainer.fit(mlp(), blobs)] == [False, True, False, True, True]


def test_label_smoothing_belongs_to_the_default_step(blobs: Splits, mlp: Make) -> None:
    smooth = dataclasses.replace(QUICK, epochs=1, label_smoothing=0.5)
    plain = dataclasses.replace(QUICK, epochs=1)
    by_setting, by_step = mlp(), mlp()
    list(smooth.fit(by_setting, blobs))
    list(plain.fit(by_step, blobs, functools.partial(supervised, label_smoothing=0.5)))
    assert torch.equal(by_setting[0].weight, by_step[0].weight)
    with pytest.raises(UserError, match=r"label_smoothing is a setting of the default step, got 0\.5 with supervised"):
        smooth.fit(mlp(), blobs, functools.partial(supervised))


def test_average_is_what_is_evaluated_and_kept(blobs: Splits, mlp: Make) -> None:
    trainer = dataclasses.replace(QUICK, epochs=2, ema=0.9)
    module, plain = mlp(), mlp()
    shown = []
    history = []
    for report in trainer.fit(module, blobs):
        shown.append(module[0].weight.detach().clone())
        history.append(report)
        assert evaluate(module, blobs)["accuracy"] == report.metrics["accuracy"]
    assert torch.equal(shown[-1], module[0].weight)

    kept: dict[str, Tensor] = {}
    updates = 0

    def step(module: nn.Module, x: Tensor, y: Tensor, **options: object) -> Mapping[str, Tensor | float]:
        nonlocal updates
        weight = module[0].weight.detach()
        if updates:
            decay = min(0.9, (1 + updates) / (10 + updates))
            kept["w"] = decay * kept["w"] + (1 - decay) * weight
        else:
            kept["w"] = weight.clone()
        updates += 1
        return supervised(module, x, y, **options)

    list(dataclasses.replace(trainer, ema=0.0).fit(plain, blobs, step))
    decay = min(0.9, (1 + updates) / (10 + updates))
    expected = decay * kept["w"] + (1 - decay) * plain[0].weight.detach()
    torch.testing.assert_close(module[0].weight.detach(), expected)


def test_early_stop_restores_the_best_weights(blobs: Splits, mlp: Make) -> None:
    accuracies = iter([60.0, 90.0, 80.0, 85.0, 99.0])
    trainer = dataclasses.replace(QUICK, epochs=5, patience=2)
    module, weights = mlp(), []
    history = []
    for report in trainer.fit(module, blobs, metrics=lambda m: {"accuracy": next(accuracies)}):
        history.append(report)
        weights.append(module[0].weight.detach().clone())
    assert [r.metrics["accuracy"] for r in history] == [60.0, 90.0, 80.0, 85.0]
    assert torch.equal(module[0].weight, weights[1])
    assert not torch.equal(module[0].weight, weights[-1])


def test_best_weights_are_restored_without_a_stop_too(blobs: Splits, mlp: Make) -> None:
    accuracies = iter([90.0, 80.0, 70.0])
    module, weights = mlp(), []
    trainer = dataclasses.replace(QUICK, patience=10)
    for _ in trainer.fit(module, blobs, metrics=lambda m: {"accuracy": next(accuracies)}):
        weights.append(module[0].weight.detach().clone())
    assert len(weights) == 3
    assert torch.equal(module[0].weight, weights[0])


def test_closing_early_leaves_the_evaluated_weights(blobs: Splits, mlp: Make) -> None:
    module = mlp()
    reports = dataclasses.replace(QUICK, ema=0.9).fit(module, blobs)
    report = next(reports)
    shown = module[0].weight.detach().clone()
    reports.close()
    assert torch.equal(module[0].weight, shown)
    assert evaluate(module, blobs)["accuracy"] == report.metrics["accuracy"]
    assert not module.training


Clocks = Callable[[float], "Clock"]


class Clock:
    """Stands still but for the training steps, each of which takes one second, the first `late` more."""

    def __init__(self, late: float) -> None:
        self.now, self.late = 0.0, late

    def perf_counter(self) -> float:
        return self.now

    def step(self, module: nn.Module, x: Tensor, y: Tensor, **options: object) -> Mapping[str, Tensor | float]:
        self.now += 1.0 + self.late
        self.late = 0.0
        return supervised(module, x, y, **options)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """Makes a clock, and training looks at it."""

    def make(late: float) -> Clock:
        clock = Clock(late)
        monkeypatch.setattr(_loop, "time", clock)
        monkeypatch.setattr(_engine, "time", clock)
        return clock

    return make


@pytest.mark.parametrize(
    ("minutes", "cap", "late", "known"),
    [(1.0, None, 0, 6), (1.0, 4, 0, 6), (0.05, None, 0, 3), (0.3, None, 0, 3), (1.0, None, 30, 3)],
)
def test_time_budget_fixes_the_updates_once_the_speed_is_known(
    blobs: Splits, mlp: Make, clocks: Clocks, minutes: float, cap: int | None, late: float, known: int
) -> None:
    """Looked at every three updates of a second, from a tenth of the budget on."""
    trainer = dataclasses.replace(QUICK, epochs=cap, minutes=minutes)  # 8 batches: 8 seconds an epoch
    assert len(blobs.train) // 32 == 8
    evaluation = len(blobs.valid) / 32 / 3
    left = 60 * minutes - known - late
    updates = known + max(0, int((left - evaluation) / (1 + evaluation / 8)))
    updates = updates if cap is None else min(updates, 8 * cap)
    seen: list[float] = []
    history = list(trainer.fit(mlp(), blobs, clocks(late).step, on_update=lambda done, planned: seen.append(done)))
    assert seen == pytest.approx([n / 8 for n in range(1, updates + 1)])
    assert len(history) == -(-updates // 8)
    if updates > 8:
        assert history[0].metrics["lr"] == pytest.approx(0.05 * 0.5 * (1 + np.cos(np.pi * 7 / updates)))
        assert history[-1].metrics["lr"] == pytest.approx(0.05 * 0.5 * (1 + np.cos(np.pi * (updates - 1) / updates)))


def test_time_budget_shorter_than_an_epoch_ends_within_it(blobs: Splits, mlp: Make, clocks: Clocks) -> None:
    trainer = dataclasses.replace(QUICK, batch_size=4, epochs=None, minutes=0.5)  # 64 seconds an epoch
    seen: list[tuple[float, float]] = []
    clock = clocks(0)
    (report,) = trainer.fit(mlp(), blobs, clock.step, on_update=lambda done, planned: seen.append((done, planned)))
    evaluation = len(blobs.valid) / 4 / 3  # a third of what training on as many samples takes
    assert clock.now == 3 + int((27 - evaluation) / (1 + evaluation / 64))
    assert seen[1][1] == math.inf
    assert seen[2][1] == seen[-1][0] == seen[-1][1] == clock.now / 64
    assert "accuracy" in report.metrics


def test_listener_hears_every_update(blobs: Splits, mlp: Make) -> None:
    seen: list[tuple[float, float]] = []
    list(dataclasses.replace(QUICK, epochs=2).fit(mlp(), blobs, on_update=lambda *told: seen.append(told)))
    assert seen == [(n / 8, 2.0) for n in range(1, 17)]


def test_diverging_run_says_so(blobs: Splits, mlp: Make) -> None:
    trainer = dataclasses.replace(QUICK, lr=1e30, epochs=5)
    with pytest.raises(
        ArchwrightError, match=r"diverged in epoch \d: train_loss is (nan|inf); lower lr \(now 1e\+30\)"
    ):
        list(trainer.fit(mlp(), blobs))


def test_step_without_backward_is_refused(blobs: Splits, mlp: Make) -> None:
    with pytest.raises(UserError, match=r"must call backward\(loss\)"):
        list(QUICK.fit(mlp(), blobs, lambda module, x, y, **options: {}))


def test_without_validation_data_only_training_is_reported(blobs: Splits, mlp: Make) -> None:
    empty = dataclasses.replace(blobs, valid=blobs.valid.subset(torch.tensor([], dtype=torch.int64)))
    assert set(next(QUICK.fit(mlp(), empty)).metrics) == {"train_loss", "lr", "images_per_second", "seconds"}


def test_what_cannot_be_trained_is_refused_at_once(blobs: Splits, mlp: Make) -> None:
    empty = dataclasses.replace(blobs, train=blobs.train.subset(torch.tensor([], dtype=torch.int64)))
    with pytest.raises(UserError, match="no training samples"):
        QUICK.fit(mlp(), empty)
    with pytest.raises(UserError, match="seed must be at least 0, got -1"):
        QUICK.fit(mlp(), blobs, seed=-1)
    with pytest.raises(UserError, match="unknown augmentation 'flop'"):
        dataclasses.replace(QUICK, augment="flop").fit(mlp(), blobs)


def test_augmentation_reaches_the_training_batches(blobs: Splits, mlp: Make) -> None:
    shapes = []

    def note(x: Tensor, generator: torch.Generator) -> Tensor:
        shapes.append(tuple(x.shape))
        return x

    next(dataclasses.replace(QUICK, augment=note).fit(mlp(), blobs))
    assert shapes == [(32, 8)] * 8


def test_fabric_is_silent(
    stripes: Splits, cnn: Make, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        next(dataclasses.replace(QUICK, precision="bf16").fit(cnn(), stripes))
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_order_and_augmentation_change_with_the_epoch_and_follow_the_seed(blobs: Splits, mlp: Make) -> None:
    def seen(seed: int) -> tuple[list[Tensor], list[float]]:
        batches: list[Tensor] = []
        draws: list[float] = []

        def note(x: Tensor, generator: torch.Generator) -> Tensor:
            batches.append(x.clone())
            draws.append(torch.rand((), generator=generator).item())
            return x

        list(dataclasses.replace(QUICK, epochs=2, augment=note).fit(mlp(), blobs, seed=seed))
        return batches, draws

    batches, draws = seen(0)
    first, second = torch.cat(batches[:8]), torch.cat(batches[8:])
    assert not torch.equal(first, second)
    assert torch.equal(first.sort(0).values, second.sort(0).values)  # the same samples
    assert len(set(draws)) == 16
    assert seen(0)[1] == draws
    assert not set(seen(1)[1]) & set(draws)


@pytest.mark.slow
def test_compiled_training_moves_the_weights_of_the_module(blobs: Splits, mlp: Make) -> None:
    module = mlp()
    list(dataclasses.replace(QUICK, compile=True, epochs=5).fit(module, blobs))
    assert type(module) is nn.Sequential
    assert evaluate(module, blobs)["accuracy"] > 97
