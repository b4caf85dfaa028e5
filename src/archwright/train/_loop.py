"""One run of the training loop, epoch by epoch: plan, history, early stop, checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from archwright.errors import ArchwrightError
from archwright.train import _checkpoint
from archwright.train._average import persistent_tensors
from archwright.train._early_stop import EarlyStop
from archwright.train._engine import Engine, Progress
from archwright.train._evaluate import evaluate
from archwright.train._plan import PROBE, Plan
from archwright.train._schedule import factor
from archwright.train._step import Step
from archwright.trial import Report

if TYPE_CHECKING:
    from archwright.data import Augment, Batches, Splits
    from archwright.train._trainer import Trainer

Measure = Callable[[nn.Module], Mapping[str, float]]
OnUpdate = Callable[[float, float], None]
_PROBED = 0.1  # of the time budget, after which the speed counts as known even if the first epoch goes on
_FORWARD = 1 / 3  # of an update is what the forward pass takes


class Loop:
    """A run of the loop.

    Args:
        trainer: the settings.
        module: trained in place.
        splits: data; the training part is read here, the validation part by the default `measure`.
        augment: of the training batches.
        step: what is done with one batch.
        seed: of every random stream.
        checkpoint: path of the file to continue from later, or None.
        settings: stored in the checkpoint, for comparison.
        measure: metrics of the module between epochs; None means accuracy and loss on the validation part.
        on_update: told after every update.
    """

    def __init__(
        self,
        trainer: Trainer,
        module: nn.Module,
        splits: Splits,
        *,
        augment: Augment | None,
        step: Step,
        seed: int,
        checkpoint: Path | None,
        settings: Mapping[str, Any],
        measure: Measure | None,
        measure_updates: float | None,
        on_update: OnUpdate | None,
    ) -> None:
        self._start = self._written = time.perf_counter()
        self._trainer, self._module, self._splits = trainer, module, splits
        self._augment, self._step, self._seed = augment, step, seed
        self._checkpoint, self._settings = checkpoint, settings
        self._measure, self._on_update = measure or self._validate, on_update
        passes = _FORWARD * len(splits.valid) / trainer.batch_size
        self._measure_updates = passes if measure_updates is None else measure_updates
        self._engine = Engine(trainer, module, 1 + len(splits.input_shape))
        self._early_stop = EarlyStop(trainer.patience) if trainer.patience is not None else None
        self._plan = Plan(
            math.ceil(self._batches(0).steps / trainer.accumulate),
            trainer.planned_epochs,
            evaluate_every=trainer.evaluate_every,
            fixed=trainer.minutes is None,
        )
        self._history: list[Report] = []
        self._stopped = False
        self._unwritten: dict[str, Any] | None = None

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Continue from a checked checkpoint."""
        self._engine.restore(stored)
        self._plan.updates, self._stopped = stored["planned"], stored["stopped"]
        self._history = [Report(step=step, metrics=metrics) for step, metrics in stored["history"]]
        if self._early_stop:
            self._early_stop.load(stored["early_stop"])

    def reports(self) -> Generator[Report, None, None]:
        """The stored reports again, then one an epoch. However it ends, the module is left as `Trainer.fit` says."""
        try:
            self._engine.show()
            yield from self._history.copy()
            while not self._done:
                yield self._epoch()
        finally:
            self._close()

    @property
    def _done(self) -> bool:
        return self._stopped or self._plan.ends(len(self._history) - 1)

    def _epoch(self) -> Report:
        epoch, start = len(self._history), time.perf_counter()
        batches = self._batches(epoch)
        progress = self._engine.train_epoch(
            self._step, batches, seed=self._seed, epoch=epoch, lr=self._rates(epoch), go_on=self._watcher(epoch)
        )
        metrics = self._training_metrics(epoch, progress)
        self._engine.show()
        trained = time.perf_counter()
        if self._plan.ends(epoch) or (epoch + 1) % self._trainer.evaluate_every == 0:
            metrics |= self._evaluate(epoch)
        end = time.perf_counter()
        metrics["seconds"] = end - start
        if self._plan.updates is None:
            self._fix(progress.updates, progress.usual_seconds / progress.updates, end - trained)
        report = Report(step=epoch, metrics=metrics)
        self._history.append(report)
        self._keep()
        return report

    def _batches(self, epoch: int) -> Batches:
        return self._splits.train.batches(
            self._trainer.batch_size,
            shuffle=True,
            drop_last=True,
            seed=self._seed,
            epoch=epoch,
            augment=self._augment,
            device=self._engine.device,
        )

    def _rates(self, epoch: int) -> Callable[[int], float]:
        trainer, plan = self._trainer, self._plan

        def rate(update: int) -> float:
            return trainer.lr * factor(
                trainer.schedule,
                epoch * plan.updates_per_epoch + update,
                updates_per_epoch=plan.updates_per_epoch,
                epochs=plan.epochs,
                warmup=trainer.warmup,
            )

        return rate

    def _watcher(self, epoch: int) -> Callable[[Progress], bool]:
        """Called after every update: tells the listener, fixes the plan when it is time; whether the epoch goes on."""
        plan = self._plan

        def go_on(progress: Progress) -> bool:
            if plan.updates is None and progress.updates % PROBE == 0 and self._probed():
                seconds = (progress.seconds - progress.first) / (progress.updates - 1)
                self._fix(progress.updates, seconds, seconds * self._measure_updates)
            if self._on_update is not None:
                self._on_update(epoch + progress.updates / plan.updates_per_epoch, plan.epochs)
            return plan.updates is None or epoch * plan.updates_per_epoch + progress.updates < plan.updates

        return go_on

    def _probed(self) -> bool:
        """Whether the part of the time budget has passed after which the speed counts as known."""
        budget = (self._trainer.minutes or 0.0) * 60
        return bool(self._engine.fabric.broadcast(time.perf_counter() - self._start >= _PROBED * budget))

    def _fix(self, done: int, update: float, evaluation: float) -> None:
        left = (self._trainer.minutes or 0.0) * 60 - (time.perf_counter() - self._start)
        fitting = self._plan.fitting(done, left, update=update, evaluation=evaluation)
        self._plan.updates = int(self._engine.fabric.broadcast(fitting))

    def _training_metrics(self, epoch: int, progress: Progress) -> dict[str, float]:
        means = {f"train_{name}": float(total) / progress.samples for name, total in progress.sums.items()}
        for name, value in means.items():
            if not math.isfinite(value):
                advice = f"lower lr (now {self._trainer.lr}), set clip or warmup"
                raise ArchwrightError(f"training diverged in epoch {epoch}: {name} is {value}; {advice}")
        return {**means, "lr": progress.lr, "images_per_second": progress.samples / progress.seconds}

    def _evaluate(self, epoch: int) -> dict[str, float]:
        measured = {name: float(value) for name, value in self._measure(self._module).items()}
        measured = self._engine.fabric.broadcast(measured)
        self._module.eval()
        if self._early_stop:
            self._early_stop.tell(epoch, measured, persistent_tensors(self._module))
            self._stopped = self._early_stop.exhausted(epoch)
        return measured

    def _validate(self, module: nn.Module) -> dict[str, float]:
        if len(self._splits.valid) == 0:
            return {}
        trainer, engine = self._trainer, self._engine
        return evaluate(
            module, self._splits, precision=engine.precision, device=engine.device, channels_last=trainer.channels_last
        )

    def _keep(self) -> None:
        """Write the checkpoint if it is due; else keep a copy to be written if the run is interrupted."""
        if self._checkpoint is None or not self._engine.fabric.is_global_zero:
            return
        with self._engine.state() as state:
            state |= {
                "settings": dict(self._settings),
                "planned": self._plan.updates,
                "stopped": self._stopped,
                "history": [[report.step, dict(report.metrics)] for report in self._history],
                "early_stop": self._early_stop.state_dict() if self._early_stop else None,
            }
            if self._done or time.perf_counter() - self._written >= self._trainer.checkpoint_every:
                _checkpoint.save(self._checkpoint, state)
                self._unwritten, self._written = None, time.perf_counter()
            else:
                self._unwritten = _checkpoint.copied(state)

    @torch.no_grad()
    def _close(self) -> None:
        if self._unwritten is not None and self._checkpoint is not None:
            _checkpoint.save(self._checkpoint, self._unwritten)
        self._engine.show()
        if self._early_stop and self._early_stop.weights:
            for name, tensor in persistent_tensors(self._module).items():
                tensor.copy_(self._early_stop.weights[name])
        self._engine.close()
