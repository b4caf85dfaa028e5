"""An interrupted run that is continued ends like one that was not."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archwright.data import Splits
from archwright.errors import ArchwrightError, UserError
from archwright.train import Trainer, supervised
from archwright.trial import Report

Make = Callable[..., nn.Sequential]
FULL = Trainer(
    epochs=5,
    batch_size=32,
    lr=0.05,
    warmup=0.5,
    clip=1.0,
    accumulate=2,
    label_smoothing=0.1,
    ema=0.95,
    patience=4,
    precision="32",
    device="cpu",
)
TIMINGS = {"seconds", "images_per_second"}


def _curve(history: list[Report]) -> list[tuple[int, dict[str, float]]]:
    return [(r.step, {k: v for k, v in r.metrics.items() if k not in TIMINGS}) for r in history]


def _assert_same(a: nn.Module, b: nn.Module) -> None:
    for (name, left), right in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(left, right), name


@pytest.mark.parametrize("stops", [(1,), (2, 4), (1, 2, 3, 4)])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_closed_and_continued_run_is_bit_identical(
    stripes: Splits, cnn: Make, tmp_path: Path, stops: tuple[int, ...], optimizer: str
) -> None:
    trainer = dataclasses.replace(FULL, optimizer=optimizer)
    whole = cnn()
    expected = list(trainer.fit(whole, stripes, seed=3))

    path = tmp_path / "run.pt"
    for stop in stops:
        reports = trainer.fit(cnn(), stripes, seed=3, checkpoint=path)
        for _ in range(stop):
            next(reports)
        reports.close()
    continued = cnn(seed=99)  # initial weights do not matter any more
    torch.rand(7)
    history = list(trainer.fit(continued, stripes, seed=3, checkpoint=path))
    assert _curve(history) == _curve(expected)
    _assert_same(continued, whole)


@pytest.mark.parametrize("batch", [0, 3])
def test_interrupt_inside_an_epoch_continues_from_its_start(
    blobs: Splits, mlp: Make, tmp_path: Path, batch: int
) -> None:
    trainer = dataclasses.replace(FULL, label_smoothing=0.0)
    whole, path = mlp(dropout=0.3), tmp_path / "run.pt"
    expected = list(trainer.fit(whole, blobs, seed=1))
    calls = 0

    def supervised_until(module: nn.Module, x: Tensor, y: Tensor, **options: object) -> Mapping[str, Tensor | float]:
        nonlocal calls
        calls += 1
        if calls == 2 * 8 + batch + 1:
            raise KeyboardInterrupt
        return supervised(module, x, y, **options)

    supervised_until.__qualname__ = "supervised"
    with pytest.raises(KeyboardInterrupt):
        list(trainer.fit(mlp(dropout=0.3), blobs, supervised_until, seed=1, checkpoint=path))
    continued = mlp(seed=5, dropout=0.3)
    history = list(trainer.fit(continued, blobs, seed=1, checkpoint=path))
    assert _curve(history) == _curve(expected)
    _assert_same(continued, whole)


def test_step_randomness_continues(blobs: Splits, mlp: Make, tmp_path: Path) -> None:
    def noisy(
        module: nn.Module, x: Tensor, y: Tensor, *, backward: Callable[[Tensor], None], rng: np.random.Generator
    ) -> Mapping[str, Tensor | float]:
        return supervised(module, x * float(rng.uniform(0.5, 1.5)), y, backward=backward, rng=rng)

    trainer = dataclasses.replace(FULL, label_smoothing=0.0)
    whole, path = mlp(), tmp_path / "run.pt"
    list(trainer.fit(whole, blobs, noisy))
    reports = trainer.fit(mlp(), blobs, noisy, checkpoint=path)
    next(reports)
    reports.close()
    continued = mlp(seed=5)
    list(trainer.fit(continued, blobs, noisy, checkpoint=path))
    _assert_same(continued, whole)


def test_finished_run_is_repeated_without_training(blobs: Splits, mlp: Make, tmp_path: Path) -> None:
    path, first, again = tmp_path / "run.pt", mlp(), mlp(seed=5)
    expected = list(FULL.fit(first, blobs, checkpoint=path))
    stamp = path.stat().st_mtime_ns
    history = list(FULL.fit(again, blobs, checkpoint=path))
    assert [(r.step, dict(r.metrics)) for r in history] == [(r.step, dict(r.metrics)) for r in expected]
    _assert_same(again, first)
    assert not again.training
    assert path.stat().st_mtime_ns == stamp


def test_repeated_reports_show_the_module_as_it_was_left(stripes: Splits, cnn: Make, tmp_path: Path) -> None:
    path, left, continued = tmp_path / "run.pt", cnn(), cnn(seed=5)
    reports = FULL.fit(left, stripes, checkpoint=path)
    next(reports)
    averaged = left[0].weight.detach().clone()
    reports.close()
    again = FULL.fit(continued, stripes, checkpoint=path)  # held, since letting go of it would close it
    next(again)
    assert torch.equal(continued[0].weight, averaged)
    assert not continued.training
    again.close()


def test_early_stop_survives_an_interruption(blobs: Splits, mlp: Make, tmp_path: Path) -> None:
    path, trainer = tmp_path / "run.pt", dataclasses.replace(FULL, patience=2)
    scores = [60.0, 90.0, 80.0, 85.0, 99.0]
    reports = trainer.fit(mlp(), blobs, checkpoint=path, metrics=lambda m: {"accuracy": scores.pop(0)})
    module = mlp(seed=5)
    assert [next(reports).metrics["accuracy"] for _ in range(3)] == [60.0, 90.0, 80.0]
    reports.close()
    for _ in range(2):  # the stop itself is stored too
        history = list(trainer.fit(module, blobs, checkpoint=path, metrics=lambda m: {"accuracy": scores.pop(0)}))
        assert [r.metrics["accuracy"] for r in history] == [60.0, 90.0, 80.0, 85.0]
    assert scores == [99.0]


def test_planned_epochs_of_a_time_budget_are_kept(blobs: Splits, mlp: Make, tmp_path: Path) -> None:
    path, trainer = tmp_path / "run.pt", dataclasses.replace(FULL, epochs=6, minutes=60.0)
    whole = mlp()
    expected = list(trainer.fit(whole, blobs))
    assert len(expected) == 6
    reports = trainer.fit(mlp(), blobs, checkpoint=path)
    next(reports)
    reports.close()
    continued = mlp(seed=5)
    assert _curve(list(trainer.fit(continued, blobs, checkpoint=path))) == _curve(expected)
    _assert_same(continued, whole)


def test_interrupt_before_the_first_epoch_is_done_leaves_no_file(blobs: Splits, mlp: Make, tmp_path: Path) -> None:
    def interrupted(module: nn.Module, x: Tensor, y: Tensor, **options: object) -> Mapping[str, Tensor | float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(
            dataclasses.replace(FULL, label_smoothing=0.0).fit(
                mlp(), blobs, interrupted, checkpoint=tmp_path / "run.pt"
            )
        )
    assert not list(tmp_path.iterdir())


def test_checkpoint_is_written_each_epoch_only_if_asked(blobs: Splits, mlp: Make, tmp_path: Path) -> None:
    often, seldom = tmp_path / "often.pt", tmp_path / "seldom.pt"
    for path, seconds in ((often, 0.0), (seldom, 1000.0)):
        reports = dataclasses.replace(FULL, checkpoint_every=seconds).fit(mlp(), blobs, checkpoint=path)
        next(reports)
        assert path.exists() == (seconds == 0.0)
        reports.close()
        assert path.exists()


def test_settings_that_do_not_change_the_result_may_change(blobs: Splits, mlp: Make, tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    list(FULL.fit(mlp(), blobs, checkpoint=path))
    list(dataclasses.replace(FULL, checkpoint_every=1.0, device="auto").fit(mlp(), blobs, checkpoint=path))


def test_another_configuration_is_refused_before_anything_is_touched(
    blobs: Splits, stripes: Splits, mlp: Make, cnn: Make, tmp_path: Path
) -> None:
    path = tmp_path / "run.pt"
    list(FULL.fit(mlp(), blobs, checkpoint=path))
    other = dataclasses.replace(FULL, lr=0.2, epochs=9)
    with pytest.raises(UserError, match=r"epochs=5 \(now 9\), lr=0\.05 \(now 0\.2\)"):
        other.fit(mlp(), blobs, checkpoint=path)
    with pytest.raises(UserError, match=r"seed=0 \(now 1\)"):
        FULL.fit(mlp(), blobs, seed=1, checkpoint=path)
    with pytest.raises(UserError, match="data="):
        FULL.fit(cnn(), stripes, checkpoint=path)
    wide = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, 2))
    before = wide[0].weight.detach().clone()
    with pytest.raises(UserError, match=r"0\.weight \(16, 8\) \(now \(32, 8\)\)"):
        FULL.fit(wide, blobs, checkpoint=path)
    assert torch.equal(wide[0].weight, before)
    with pytest.raises(UserError, match=r"step='supervised'"):
        dataclasses.replace(FULL, label_smoothing=0.0).fit(mlp(), blobs, lambda *a, **k: {}, checkpoint=path)


def test_damaged_checkpoint_is_one_line(blobs: Splits, mlp: Make, tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    path.write_bytes(b"rubbish")
    with pytest.raises(ArchwrightError, match="cannot read checkpoint"):
        FULL.fit(mlp(), blobs, checkpoint=path)
