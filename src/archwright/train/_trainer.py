"""The settings of the training loop, and its start."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from torch import nn

from archwright.data import Augment, Splits, augmentation
from archwright.errors import UserError, nearest
from archwright.train import _checkpoint
from archwright.train._device import Precision
from archwright.train._loop import Loop, Measure, OnUpdate
from archwright.train._optimizer import OptimizerName
from archwright.train._schedule import ScheduleName
from archwright.train._step import Step, callable_name, supervised
from archwright.trial import Report

_DEFAULT_EPOCHS = 40
_NEUTRAL = {"checkpoint_every", "device", "devices", "compile"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trainer:
    """How to train: everything but the module, the data, the step and the seed.

    Args:
        epochs: epochs to train; None means 40, or with `minutes` no cap. With `minutes`: the most that are trained.
        minutes: time budget. When a tenth of it or the first epoch has passed (at the schedule's start, at least three
            updates) the number of updates that fit at that speed is fixed once, stored in the checkpoint, and the
            schedule follows it; the last epoch may be a part of one.
        batch_size: samples a batch, over all devices; the last incomplete batch of an epoch is left out.
        optimizer: `"sgd"` (Nesterov), `"adam"` or `"adamw"`.
        lr: base learning rate, > 0.
        momentum: of SGD, and first beta of Adam, in [0, 1).
        weight_decay: L2 coefficient (decoupled for AdamW).
        decay_vectors: whether it also applies to parameters of fewer than two dimensions (biases, norms).
        schedule: `"cosine"`, `"linear"`, `"constant"` or `"exponential-constant"` (BigNAS).
        warmup: epochs of linear warm-up, may be a fraction.
        clip: largest global gradient norm, or None.
        accumulate: batches an update; their losses are weighted by their sizes, so that two half batches equal a
            whole one.
        augment: a name known to `data.augmentation` (`"auto"`: by the data), None, or a callable (raw batch,
            generator) -> batch.
        label_smoothing: of the `supervised` step, in [0, 1).
        ema: decay of the weight average that is evaluated and kept, in [0, 1); 0 means none.
        precision: `"32"`, `"bf16"` or `"16"` (autocast), or `"auto"`: on CUDA bf16 where supported; on a CPU with bf16
            instructions bf16 for networks all of whose convolutions are `nn.Conv2d` with groups=1; else 32.
        device: `"auto"`, `"cpu"`, `"cuda"`, `"cuda:1"`, `"mps"`.
        devices: number of devices, one process each. Checked with two CPU processes, not on GPUs.
        patience: stop when the validation accuracy has not improved for this many epochs; the best weights are
            restored.
        channels_last: memory layout of images and convolutions while training; `"auto"` means yes for 4-D input.
        evaluate_every: epochs between evaluations; the last epoch is always evaluated.
        compile: train `torch.compile(module)` (its weights are those of the module).
        checkpoint_every: least seconds between two writes of the checkpoint.

    Raises:
        UserError: a setting is out of range.
    """

    epochs: int | None = None
    minutes: float | None = None
    batch_size: int = 128
    optimizer: OptimizerName = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    decay_vectors: bool = False
    schedule: ScheduleName = "cosine"
    warmup: float = 0.0
    clip: float | None = None
    accumulate: int = 1
    augment: str | Augment | None = "auto"
    label_smoothing: float = 0.0
    ema: float = 0.0
    precision: Precision = "auto"
    device: str = "auto"
    devices: int = 1
    patience: int | None = None
    channels_last: bool | Literal["auto"] = "auto"
    evaluate_every: int = 1
    compile: bool = False
    checkpoint_every: float = 10.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "devices", "patience", "evaluate_every"):
            self._require(name, "an integer of at least 1", lambda v: v >= 1 and int(v) == v)
        for name in ("minutes", "lr", "clip"):
            self._require(name, "a number above 0", lambda v: 0 < v < math.inf)
        for name in ("weight_decay", "warmup", "checkpoint_every"):
            self._require(name, "at least 0", lambda v: v >= 0)
        for name in ("momentum", "label_smoothing", "ema"):
            self._require(name, "in [0, 1)", lambda v: 0 <= v < 1)
        for name, kind in (("optimizer", OptimizerName), ("schedule", ScheduleName), ("precision", Precision)):
            value = getattr(self, name)
            if value not in get_args(kind):
                raise UserError(f"unknown {name} {value!r}{nearest(str(value), get_args(kind))}")
        if self.minutes is None and self.warmup >= self.planned_epochs:
            raise UserError(f"warmup must be shorter than the {self.planned_epochs} epochs, got {self.warmup}")

    def _require(self, name: str, rule: str, holds: Callable[[Any], bool]) -> None:
        value = getattr(self, name)
        if value is not None and not holds(value):
            raise UserError(f"{name} must be {rule}, got {value!r}")

    @property
    def planned_epochs(self) -> float:
        """Epochs that will be trained; with `minutes` the most that can be, `math.inf` if there is no cap."""
        if self.epochs is not None:
            return self.epochs
        return _DEFAULT_EPOCHS if self.minutes is None else math.inf

    def fit(
        self,
        module: nn.Module,
        splits: Splits,
        step: Step = supervised,
        *,
        seed: int = 0,
        checkpoint: str | Path | None = None,
        metrics: Measure | None = None,
        metrics_updates: float | None = None,
        on_update: OnUpdate | None = None,
    ) -> Generator[Report, None, None]:
        """Train `module` in place; one report an epoch. `history = list(trainer.fit(...))`.

        Between epochs the module is in eval mode with the weights that were evaluated (the average, if there is one).
        When the iteration ends, is closed or is interrupted, the module is in eval mode on the device it was trained
        on, with the best weights if there is `patience`, else the averaged or last ones.

        All randomness (order, augmentation, dropout, the step's own) is derived from (seed, epoch, batch); torch's
        global generators are as before at every report. Runs of the same code on the same kind of device in one
        process are bit-identical on CPU; on CUDA set torch's deterministic algorithms.

        Args:
            module: `module(x)` must return logits (N, classes) unless `step` and `metrics` say otherwise. Its initial
                weights are what training starts from.
            splits: data.
            step: what is done with one batch (`Step`).
            seed: at least 0.
            checkpoint: file to continue from if it exists, and to write: at most every `checkpoint_every` seconds, at
                the end, and when the iteration is closed or interrupted. A continued run yields the stored reports
                first and ends with the same weights as one that was never interrupted.
            metrics: evaluates the module between epochs (eval mode; it must leave the module as it is); the default
                gives `accuracy` (percent) and `loss` on the validation part, or nothing if that part is empty.
            metrics_updates: how many updates one call of `metrics` takes, so that a time budget can be planned before
                it was called; None: as long as the validation part's forward passes.
            on_update: called after every update with the epochs done and the epochs planned (`math.inf` while a time
                budget has not fixed them), both fractional.

        Yields:
            Report: `step`, the epoch from 0, and metrics: `train_<name>` for every name the step returns, `lr` of the
                last update, `images_per_second` of training, the evaluation's metrics, `seconds` of training and
                evaluation.

        Raises:
            UserError: settings, data, module and checkpoint do not go together.
            ArchwrightError: the loss is not finite; the checkpoint cannot be read.
        """
        if step is supervised:
            step = functools.partial(supervised, label_smoothing=self.label_smoothing)
        elif self.label_smoothing:
            name = callable_name(step)
            raise UserError(f"label_smoothing is a setting of the default step, got {self.label_smoothing} with {name}")
        if seed < 0:
            raise UserError(f"seed must be at least 0, got {seed}")
        if len(splits.train) == 0:
            raise UserError(f"{splits.name} has no training samples")
        path = Path(checkpoint) if checkpoint is not None else None
        settings = self._settings() | _identity(splits, seed, step)
        stored = None
        if path is not None and path.exists():
            stored = _checkpoint.load(path)
            _checkpoint.check(path, stored, settings, module)
        augment = augmentation.build(self.augment, splits) if isinstance(self.augment, str) else self.augment
        start = functools.partial(
            Loop,
            self,
            module,
            splits,
            augment=augment,
            step=step,
            seed=seed,
            checkpoint=path,
            settings=settings,
            measure=metrics,
            measure_updates=metrics_updates,
            on_update=on_update,
        )
        return _reports(start, stored)

    def _settings(self) -> dict[str, Any]:
        """Everything that decides the result, as plain values."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        plain = {k: v for k, v in fields.items() if k not in _NEUTRAL}
        if not isinstance(self.augment, str | None):
            plain["augment"] = callable_name(self.augment)
        return plain


def _identity(splits: Splits, seed: int, step: Step) -> dict[str, Any]:
    sizes = [len(splits.train), len(splits.valid)]
    return {"seed": seed, "step": callable_name(step), "data": splits.fingerprint, "split": [splits.seed, *sizes]}


def _reports(start: Callable[[], Loop], stored: Mapping[str, Any] | None) -> Generator[Report, None, None]:
    """Nothing is touched before the first report is asked for."""
    loop = start()
    if stored is not None:
        loop.restore(stored)
    yield from loop.reports()
