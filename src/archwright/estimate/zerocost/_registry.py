"""Scores by the names that a person types."""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor, nn

from archwright.errors import UserError, nearest
from archwright.estimate.zerocost._score import Score
from archwright.registry import Registry

_ROOM = "archwright.estimate.zerocost"

SCORES = Registry(
    "score",
    {
        "naswot": f"{_ROOM}:Naswot",
        "knas": f"{_ROOM}:Knas",
        "synflow": f"{_ROOM}:Synflow",
        "synflow-bn": f"{_ROOM}:SynflowBN",
        "snip": f"{_ROOM}:Snip",
        "grasp": f"{_ROOM}:Grasp",
        "fisher": f"{_ROOM}:Fisher",
        "grad-norm": f"{_ROOM}:GradNorm",
        "jacov": f"{_ROOM}:Jacov",
        "epe-nas": f"{_ROOM}:EpeNas",
        "l2-norm": f"{_ROOM}:L2Norm",
        "plain": f"{_ROOM}:Plain",
        "zen": f"{_ROOM}:Zen",
        "params": f"{_ROOM}:Params",
        "flops": f"{_ROOM}:Flops",
    },
)


def score(
    name: str, module: nn.Module, batch: Tensor | tuple[Tensor, Tensor], *, seed: int = 0, **settings: Any
) -> float:
    """The zero-cost score called `name` of a network; higher is better. The network stays as it was.

    Args:
        name: one of `SCORES.names()`.
        module: any network, extracted or cut from a supernet; its weights are scored as they are.
        batch: x (N, ...) as the network takes it, or (x, y) with int64 labels (N,).
        seed: of everything random in the score.
        **settings: arguments of the score.

    Raises:
        UserError: unknown name or setting, or a network or batch that the score cannot judge.
    """
    x, y = (batch, None) if isinstance(batch, Tensor) else batch
    return made(name, settings)(module, x, y, seed=seed)


def made(name: str, settings: dict[str, Any]) -> Score:
    """The score called `name` with these settings.

    Raises:
        UserError: unknown name or setting.
    """
    constructor = SCORES.load(name)
    allowed = inspect.signature(constructor).parameters
    for setting in settings:
        if setting not in allowed:
            raise UserError(f"score {name!r} has no setting {setting!r}{nearest(setting, allowed)}")
    found = constructor(**settings)
    assert isinstance(found, Score)
    return found
