"""The bi-level step: architecture on one batch, weights on another."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Optimizer

from archwright.gradient._batch_statistics import batch_statistics
from archwright.gradient._hypergradient import Hypergradient, leaves
from archwright.gradient._outer import OuterBatches
from archwright.gradient._relaxed import Relaxed, Selection
from archwright.gradient._score_function import ScoreFunction
from archwright.gradient._update import Wanted
from archwright.train import Backward

Penalty = Callable[[Tensor, Mapping[str, Tensor]], Tensor]
"""(loss, variable to probabilities over all its options) -> the loss with the expected cost in it."""
_SEEDS = 2**31
_APART = 1_000_003  # between the seeds of the paths of one step


class BilevelStep:
    """One step of a search by gradient, on a `Relaxed` (Liu, Simonyan, Yang 2019, DARTS, algorithm 1).

    First, every `every` batches, the architecture moves by the hypergradient on a batch of its own data, then the
    weights on theirs. A single-level hypergradient is taken from the step of the weights itself.

    Args:
        hypergradient: second slot.
        outer: batches of the architecture's data.
        every: steps of the weights for one of the architecture, at least 1.
        warmup: part of the search during which only weights move, in [0, 1].
        penalty: brings the expected cost into the architecture's loss, or None.
        shrink: called after every step of the architecture, or None.
        ahead: batches of the weights' data, for hypergradients that descend for some steps; None gives them the batch
            of the step again and again.
    """

    def __init__(
        self,
        hypergradient: Hypergradient | ScoreFunction,
        outer: OuterBatches,
        *,
        every: int = 1,
        warmup: float = 0.0,
        penalty: Penalty | None = None,
        shrink: Callable[[], None] | None = None,
        ahead: OuterBatches | None = None,
    ) -> None:
        self.hypergradient, self.outer, self.every = hypergradient, outer, every
        self.warmup, self.penalty, self.shrink, self.ahead = warmup, penalty, shrink, ahead

    def moving(self, relaxed: Relaxed) -> bool:
        """Whether the architecture moves: after the warm-up, once the length of the search is known."""
        going = math.isfinite(relaxed.planned) and relaxed.progress >= self.warmup and self.warmup < 1
        return going and any(name not in relaxed.fixed for name in relaxed.names)

    def __call__(
        self, module: nn.Module, x: Tensor, y: Tensor, *, backward: Backward, rng: np.random.Generator
    ) -> dict[str, Tensor | float]:
        assert isinstance(module, Relaxed)
        noise, own = int(rng.integers(_SEEDS)), int(rng.integers(_SEEDS))
        joint = isinstance(self.hypergradient, Hypergradient) and self.hypergradient.joint
        due = self.moving(module) and (joint or module.batches % self.every == 0)
        results: dict[str, Tensor | float] = {}
        if due and not module.steps:
            module.mover.plan(self._steps(module))
        if due and not joint:
            results["outer_loss"] = self._architecture(module, x, y, backward.optimizer, own)
        if due and joint:
            loss = self._jointly(module, x, y, backward, noise)
        else:
            loss = self._of_weights(module, x, y, noise)
            backward(loss)
        module.batches += 1
        return {"loss": loss.detach(), **results}

    def _of_weights(self, relaxed: Relaxed, x: Tensor, y: Tensor, noise: int) -> Tensor:
        """What a step of the weights descends."""
        scored = self.hypergradient if isinstance(self.hypergradient, ScoreFunction) else None
        if scored is None or scored.paths == 1:
            return _loss(relaxed(x, relaxed.path(noise)), y)
        seeds = [(noise + k * _APART) % _SEEDS for k in range(scored.paths)]
        return scored.combined(torch.stack([_loss(relaxed(x, relaxed.path(seed)), y) for seed in seeds]))

    def _steps(self, relaxed: Relaxed) -> int:
        """Steps of the architecture that are left, by the plan."""
        return max(1, math.ceil((1.0 - relaxed.progress) * relaxed.planned / self.every))

    def _jointly(self, relaxed: Relaxed, x: Tensor, y: Tensor, backward: Backward, noise: int) -> Tensor:
        """One backward pass for weights and architecture."""
        wants = relaxed.update.wants
        values = leaves(relaxed.alphas) if wants == "alphas" else relaxed.weights(noise)
        loss = _loss(relaxed(x, relaxed.selection(values, noise, of=wants)), y)
        backward(self._with_cost(loss, relaxed, values, wants))
        self._look(relaxed, x, y, noise)
        self._move(relaxed, [torch.zeros_like(v) if v.grad is None else v.grad for v in values])
        return loss

    def _look(self, relaxed: Relaxed, x: Tensor, y: Tensor, noise: int) -> None:
        """Tell the mover what its gradients are of; the weights stay as they are."""
        weights = {n: p.detach() for n, p in relaxed.net.named_parameters()}

        def logits(values: Sequence[Tensor]) -> Tensor:
            return _called(relaxed, weights, x, relaxed.selection(values, noise, of=relaxed.update.wants))

        relaxed.mover.look(logits, lambda values: _loss(logits(values), y))

    def _move(self, relaxed: Relaxed, gradients: Sequence[Tensor]) -> None:
        relaxed.mover.step(gradients)
        relaxed.steps += 1
        if self.shrink is not None:
            self.shrink()

    def _architecture(self, relaxed: Relaxed, x: Tensor, y: Tensor, optimizer: Optimizer, noise: int) -> Tensor:
        """Move the architecture; the weights stay as they are."""
        outer_x, outer_y = self.outer[relaxed.steps]
        if outer_x.ndim == 4:
            outer_x = outer_x.contiguous(memory_format=_layout(x))
        seen: list[Tensor] = []
        if isinstance(self.hypergradient, ScoreFunction):
            found = self._sampled(relaxed, outer_x, outer_y, noise, seen)
        elif relaxed.update.wants == "layers":
            found = self._by_layers(relaxed, outer_x, outer_y, noise, seen)
        else:
            found = self._differentiated(relaxed, (x, y), (outer_x, outer_y), optimizer, noise, seen)
            self._look(relaxed, outer_x, outer_y, noise)
        self._move(relaxed, found)
        return seen[0]

    def _by_layers(self, relaxed: Relaxed, x: Tensor, y: Tensor, noise: int, seen: list[Tensor]) -> list[Tensor]:
        """First-order gradients by the weights in every layer, (layers, n) a variable."""
        values, weights = relaxed.weights(noise), {n: p.detach() for n, p in relaxed.net.named_parameters()}
        selection = relaxed.selection(values, noise, of="layers")
        loss = self._with_cost(_loss(_called(relaxed, weights, x, selection), y), relaxed, values, "weights")
        seen.append(loss.detach())
        return relaxed.by_layers(selection, loss)

    def _differentiated(
        self,
        relaxed: Relaxed,
        inner: tuple[Tensor, Tensor],
        outer: tuple[Tensor, Tensor],
        optimizer: Optimizer,
        noise: int,
        seen: list[Tensor],
    ) -> list[Tensor]:
        assert isinstance(self.hypergradient, Hypergradient)
        wants = relaxed.update.wants
        names, weights = zip(*((n, p) for n, p in relaxed.net.named_parameters() if p.requires_grad))
        decay, velocity, lr = _optimizer_facts(optimizer, weights)

        def logits(w: Sequence[Tensor], a: Sequence[Tensor], x: Tensor) -> Tensor:
            selection = relaxed.selection(a, noise, of=wants)
            return _called(relaxed, dict(zip(names, w)), x, selection)

        descent = self.hypergradient.descent
        upcoming = itertools.count(relaxed.steps * descent)

        def inner_loss(w: Sequence[Tensor], a: Sequence[Tensor]) -> Tensor:
            decayed = sum((0.5 * d * t.square().sum() for d, t in zip(decay, w) if d), start=torch.zeros(()))
            batch_x, batch_y = self._ahead(next(upcoming), inner) if descent else inner
            loss = _loss(logits(w, a, batch_x), batch_y)
            if descent:
                seen.append(loss.detach())
                loss = self._with_cost(loss, relaxed, a, wants)
            return loss + decayed.to(loss.device)

        def outer_loss(w: Sequence[Tensor], a: Sequence[Tensor]) -> Tensor:
            loss = _loss(logits(w, a, outer[0]), outer[1])
            seen.append(loss.detach())
            return self._with_cost(loss, relaxed, a, wants)

        values = relaxed.alphas if wants == "alphas" else relaxed.weights(noise)
        kept = batch_statistics(relaxed.net) if descent else contextlib.nullcontext()
        with torch.enable_grad(), kept:
            return self.hypergradient(inner_loss, outer_loss, weights, values, lr=lr, velocity=velocity)

    def _ahead(self, number: int, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """A batch of a descent, laid out like `batch`, or `batch` itself."""
        if self.ahead is None:
            return batch
        x, y = self.ahead[number]
        return (x.contiguous(memory_format=_layout(batch[0])) if x.ndim == 4 else x), y

    def _sampled(self, relaxed: Relaxed, x: Tensor, y: Tensor, noise: int, seen: list[Tensor]) -> list[Tensor]:
        assert isinstance(self.hypergradient, ScoreFunction)
        weights = {n: p.detach() for n, p in relaxed.net.named_parameters()}

        def loss(values: Sequence[Tensor]) -> Tensor:
            whole = relaxed.spread(values)
            found = _loss(_called(relaxed, weights, x, relaxed.selection(whole, noise, of="weights")), y)
            seen.append(found.detach())
            return self._with_cost(found, relaxed, whole, "weights")

        generator = torch.Generator().manual_seed(noise)
        return relaxed.spread(self.hypergradient(loss, relaxed.competing(), generator=generator))

    def _with_cost(self, loss: Tensor, relaxed: Relaxed, values: Sequence[Tensor], of: Wanted) -> Tensor:
        return loss if self.penalty is None else self.penalty(loss, relaxed.shares(values, of=of))


def _called(relaxed: Relaxed, weights: Mapping[str, Tensor], x: Tensor, selection: Selection) -> Tensor:
    return functional_call(relaxed.net, dict(weights), (x, selection))


def _loss(logits: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy in float32."""
    return F.cross_entropy(logits.float(), y)


def _layout(x: Tensor) -> torch.memory_format:
    return torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format


def _optimizer_facts(
    optimizer: Optimizer, weights: Sequence[Tensor]
) -> tuple[list[float], list[Tensor] | None, float | None]:
    """Weight decay of every weight, what momentum adds to its gradient, and the learning rate."""
    groups: dict[Tensor, dict[str, Any]] = {p: group for group in optimizer.param_groups for p in group["params"]}
    decay = [float(groups[w].get("weight_decay", 0.0)) if w in groups else 0.0 for w in weights]
    lr = max((float(g["lr"]) for g in optimizer.param_groups), default=0.0)
    if not any("momentum" in g for g in optimizer.param_groups):
        return decay, None, lr or None
    velocity = []
    for w in weights:
        buffer = optimizer.state.get(w, {}).get("momentum_buffer")
        momentum = groups[w].get("momentum", 0.0) if w in groups else 0.0
        velocity.append(torch.zeros_like(w) if buffer is None else momentum * buffer)
    return decay, velocity, lr or None
