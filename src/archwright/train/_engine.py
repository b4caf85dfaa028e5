"""The part of a run that touches tensors: the placed module, its optimiser and average, and one epoch of updates."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from archwright.errors import UserError
from archwright.train._average import Average
from archwright.train._device import arranged, autocast, memory_format, resolve_device, resolve_precision
from archwright.train._fabric import launched_fabric
from archwright.train._optimizer import build_optimizer, can_fuse, set_lr
from archwright.train._processes import average_buffers, average_gradients, share
from archwright.train._step import Step
from archwright.train._streams import preserved, seed_torch, step_generator

if TYPE_CHECKING:
    from archwright.data import Batches
    from archwright.train._trainer import Trainer


@dataclasses.dataclass(kw_only=True)
class Progress:
    """What one epoch of training adds up to.

    Args:
        sums: of the step's results, each times the samples of its batch.
        samples: trained on.
        updates: of the optimiser.
        lr: of the last update.
        seconds: wall time.
        first: seconds of the first update, which may contain compilation and other one-time work.
    """

    sums: dict[str, Tensor] = dataclasses.field(default_factory=dict)
    samples: int = 0
    updates: int = 0
    lr: float = 0.0
    seconds: float = 0.0
    first: float = 0.0

    @property
    def usual_seconds(self) -> float:
        """What such an epoch takes when its first update is like the others."""
        if self.updates < 2:
            return self.seconds
        return (self.seconds - self.first) * self.updates / (self.updates - 1)

    def add(self, results: Mapping[str, Tensor | float], samples: int) -> None:
        """Take in the results of a batch, means over its samples."""
        self.samples += samples
        for name, value in results.items():
            total = torch.as_tensor(value).detach().float() * samples
            self.sums[name] = self.sums[name] + total if name in self.sums else total


class Engine:
    """A module placed on its device with everything that updates it.

    "Shown": eval mode, averaged weights if there is an average. "Raw" (while training): train mode, the weights the
    optimiser moves. The module itself is never wrapped, so `module(x, arch)` and its methods work as outside.

    Args:
        trainer: the settings.
        module: trained in place.
        dimensions: of the input, batch included.
    """

    def __init__(self, trainer: Trainer, module: nn.Module, dimensions: int) -> None:
        device = resolve_device(trainer.device)
        self.clip, self.accumulate, self.module = trainer.clip, trainer.accumulate, module
        self.precision = resolve_precision(trainer.precision, device, module)
        self.fabric = launched_fabric(device, trainer.devices, self.precision)
        self.device = self.fabric.device
        self.layout = memory_format(trainer.channels_last, dimensions)
        module.to(self.device)
        module.to(memory_format=self.layout)
        self._forward = cast(nn.Module, torch.compile(module)) if trainer.compile else module
        self.optimizer = build_optimizer(
            trainer.optimizer,
            module,
            lr=trainer.lr,
            momentum=trainer.momentum,
            weight_decay=trainer.weight_decay,
            decay_vectors=trainer.decay_vectors,
            fused=can_fuse(module, self.device) and not (self.precision == "16" and trainer.clip),
        )
        self._stepping = cast(Optimizer, self.fabric.setup_optimizers(self.optimizer))
        self._average = Average(module, trainer.ema) if trainer.ema else None
        self._shown = False

    def train_epoch(
        self,
        step: Step,
        batches: Batches,
        *,
        seed: int,
        epoch: int,
        lr: Callable[[int], float],
        go_on: Callable[[Progress], bool],
    ) -> Progress:
        """A pass over `batches`, while `go_on` says so after an update; `lr` gives the learning rate of each update of
        the epoch. The module is left raw.

        Raises:
            UserError: the step did not call backward.
        """
        self.hide()
        self.module.train()
        progress, start = Progress(), time.perf_counter()
        with preserved(self.device):
            for update, group in enumerate(_groups(batches, self.accumulate)):
                progress.lr = lr(update)
                set_lr(self.optimizer, progress.lr)
                total = sum(len(y) for _, _, y in group)
                for batch, x, y in group:
                    seed_torch(self.device, seed, epoch, batch, self.fabric.global_rank)
                    results, samples = self._batch(step, x, y, total, step_generator(seed, epoch, batch))
                    progress.add(results, samples)
                self._update()
                progress.updates += 1
                progress.seconds = time.perf_counter() - start
                if update == 0:
                    progress.first = progress.seconds
                if not go_on(progress):
                    break
        average_buffers(self.fabric, self.module)
        self._gather(progress)
        progress.seconds = time.perf_counter() - start
        return progress

    def show(self) -> None:
        """Averaged weights, eval mode."""
        if self._average and not self._shown:
            self._average.swap()
        self._shown = True
        self.module.eval()

    def hide(self) -> None:
        """Raw weights."""
        if self._average and self._shown:
            self._average.swap()
        self._shown = False

    @contextmanager
    def state(self) -> Iterator[dict[str, Any]]:
        """Everything needed to go on, as tensors that are valid (raw) inside the context only."""
        shown = self._shown
        self.hide()
        state: dict[str, Any] = {
            "module": dict(self.module.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.fabric.strategy.precision.state_dict(),
        }
        if self._average:
            state["average"] = {"tensors": self._average.state_dict(), "updates": self._average.updates}
        try:
            yield state
        finally:
            if shown:
                self.show()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` gave."""
        self.hide()
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.fabric.strategy.precision.load_state_dict(state["scaler"])
        if self._average:
            self._average.load(state["average"]["tensors"], state["average"]["updates"])

    def close(self) -> None:
        """Show the module and give it back in the ordinary memory layout, without gradients."""
        self.show()
        self.optimizer.zero_grad(set_to_none=True)
        self.module.to(memory_format=torch.contiguous_format)

    def _batch(
        self, step: Step, x: Tensor, y: Tensor, total: int, rng: Any
    ) -> tuple[Mapping[str, Tensor | float], int]:
        x, y = share(self.fabric, x, y)
        backward = _Backward(self, len(y) * self.fabric.world_size / total)
        with autocast(self.device, self.precision):
            results = step(self._forward, arranged(x, self.layout), y, backward=backward, rng=rng)
        if not backward.calls:
            raise UserError("the training step must call backward(loss) at least once for every batch")
        return results, len(y)

    def _update(self) -> None:
        average_gradients(self.fabric, self.module)
        if self.clip is not None:
            self.fabric.clip_gradients(self.module, self.optimizer, max_norm=self.clip, error_if_nonfinite=False)
        self._stepping.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self._average:
            self._average.update()

    def _gather(self, progress: Progress) -> None:
        if self.fabric.world_size > 1:
            names = sorted(progress.sums)
            values = [progress.sums[n].to(self.device) for n in names]
            flat = torch.stack([*values, torch.tensor(float(progress.samples), device=self.device)])
            self.fabric.all_reduce(flat, reduce_op="sum")
            progress.sums = dict(zip(names, flat[:-1], strict=True))
            progress.samples = round(float(flat[-1]))


class _Backward:
    """Back-propagates the losses of a batch, weighed by its share of the update."""

    def __init__(self, engine: Engine, weight: float) -> None:
        self.optimizer, self.calls = engine.optimizer, 0
        self._engine, self._weight = engine, weight

    def __call__(self, loss: Tensor) -> None:
        self.calls += 1
        engine = self._engine
        with nullcontext() if engine.precision == "32" else torch.autocast(engine.device.type, enabled=False):
            engine.fabric.backward(loss if self._weight == 1.0 else loss * self._weight)


def _groups(batches: Batches, size: int) -> Iterator[list[tuple[int, Tensor, Tensor]]]:
    """Runs of `size` numbered batches, the last one maybe shorter."""
    numbered = ((index, x, y) for index, (x, y) in enumerate(batches))
    while group := list(itertools.islice(numbered, size)):
        yield group
