"""Deeper networks with fewer operations, in stages: P-DARTS."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.gradient._relaxed import Relaxed
from archwright.gradient._schedule import Schedule, View, without
from archwright.space import Space
from archwright.supernet import OneOf

_DECAY = 0.2  # an epoch, of the dropout once the architecture moves


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Progressive(Schedule):
    """Stages of growing depth and shrinking choice, each with a fresh supernet and fresh parameters, and dropout on
    skip connections that fades within a stage (Chen, Xie, Wu, Tian 2019, P-DARTS, sections 3.2 and 3.3).

    Args:
        layers: cells of each stage's supernet; spaces without that setting keep their depth.
        keep: options (a competing zero is one) that every choice keeps at the end of each stage; of the last stage the
            derivation keeps one.
        dropout: rate at the start of each stage, in [0, 1).
        epochs: length of a stage that the fading is meant for.
        warmup: its epochs in which only weights move.

    Raises:
        UserError: lists of different lengths, or a rate out of range.
    """

    layers: tuple[int, ...] = (5, 11, 17)
    keep: tuple[int, ...] = (5, 3, 1)
    dropout: tuple[float, ...] = (0.1, 0.4, 0.7)
    epochs: int = 25
    warmup: int = 10

    def __post_init__(self) -> None:
        if not len(self.layers) == len(self.keep) == len(self.dropout) > 0:
            raise UserError(f"Progressive needs lists of one length, got {self.layers}, {self.keep}, {self.dropout}")
        if not all(0 <= p < 1 for p in self.dropout) or min(self.keep) < 1:
            raise UserError(f"Progressive needs rates in [0, 1) and at least one option kept, got {self}")

    def __call__(self, space: Space, view: View) -> Space:
        return space  # it shrinks between stages only

    def rate(self, stage: int, progress: float) -> float:
        """Dropout of skip connections when this part of the stage is done: falling linearly while only weights move,
        then from the start again, exponentially."""
        epoch = math.floor(progress * self.epochs + 1e-9)
        if epoch < self.warmup:
            return self.dropout[stage] * (self.epochs - 1 - epoch) / self.epochs
        return self.dropout[stage] * math.exp(-_DECAY * (epoch - self.warmup))

    def shrink(self, stage: int, relaxed: Relaxed) -> tuple[Space, frozenset[str]]:
        """What the next stage may choose from, and which choices keep their zero: of each, the likeliest `keep`."""
        gone: dict[str, list[int]] = {}
        zeros = set(relaxed.zeros)
        for name, p in relaxed.probabilities().items():
            order = p.argsort(descending=True).tolist()
            last = len(p) - 1 if name in relaxed.zeros else -1
            kept = order[: self.keep[stage]]
            if kept == [last]:
                kept = order[:2]
            gone[name] = [n for n in range(len(p)) if n not in kept and n != last]
            if last >= 0 and last not in kept:
                zeros.discard(name)
        return without(relaxed.space, gone), frozenset(zeros)

    @contextlib.contextmanager
    def dropping(self, stage: int, relaxed: Relaxed) -> Iterator[None]:
        """Within, skip connections of stride one drop entries while the network is trained."""

        def drop(module: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor:
            if not module.training or not torch.is_grad_enabled():
                return out
            return F.dropout(out, self.rate(stage, relaxed.progress))

        choices = [part for part in relaxed.net.searchable() if isinstance(part, OneOf)]
        skips = [m for part in choices for m in part.options if isinstance(m, nn.Identity)]
        handles = [m.register_forward_hook(drop) for m in skips] if self.dropout[stage] else []
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
