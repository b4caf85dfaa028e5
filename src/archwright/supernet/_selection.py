"""How an architecture reaches the layers: a context variable that lives only while `net(x, arch)` runs.

Context variables are private to a thread, so two threads, or two architectures in flight, never see each other, and
nothing is left behind when the call returns.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.space import Choice, Ordinal

Value = str | int | float | bool | None


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Paths:
    """Some options of a variable with their weights; the others do not run, whatever needs a gradient.

    Args:
        indices: different positions among the variable's options, at least one.
        weights: (len(indices),).
        uses: if given, every layer that mixes by these weights adds the copy it used, so that gradients can be taken
            layer by layer.
    """

    indices: tuple[int, ...]
    weights: Tensor
    uses: list[Tensor] | None = None

    def used(self) -> Tensor:
        """The weights, for one layer."""
        if self.uses is None:
            return self.weights
        self.uses.append(self.weights.view_as(self.weights))
        return self.uses[-1]

    def dense(self, count: int) -> Tensor:
        """Weights over all `count` options, zero for the others, for one layer."""
        places = self.weights.new_tensor(self.indices, dtype=torch.long)
        return self.weights.new_zeros(count).index_put((places,), self.used())


Decision = Value | Tensor | Paths
"""What a layer is told about a variable: one of its options, a weight tensor (options,), or some paths."""

_CURRENT: ContextVar[Mapping[str, Decision] | None] = ContextVar("archwright_selection", default=None)


@contextmanager
def selected(values: Mapping[str, Decision]) -> Iterator[None]:
    """Within the block, searchable layers of this thread follow `values`."""
    token = _CURRENT.set(values)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current() -> Mapping[str, Decision]:
    """All that the running architecture says; nothing outside `net(x, arch)`."""
    return _CURRENT.get() or {}


def decision(variable: Choice | Ordinal) -> Decision:
    """What the running architecture says about `variable`: one of its options, or weights over them.

    The supernet has checked the values before its forward starts, so layers need not.

    Raises:
        UserError: called outside `net(x, arch)`, or the architecture leaves the variable open.
    """
    values = _CURRENT.get()
    if values is None:
        raise UserError(
            "a searchable layer runs only inside a Supernet: wrap the network, Supernet(network), and call net(x, arch)"
        )
    try:
        return values[variable.name]
    except KeyError:
        raise UserError(
            f"the architecture says nothing about {variable.name!r}, which this path needs; it names {sorted(values)}"
        ) from None


def concrete(variable: Choice | Ordinal) -> Value:
    """The option chosen for `variable`.

    Raises:
        UserError: the variable is relaxed.
    """
    value = decision(variable)
    if isinstance(value, Tensor | Paths):
        raise UserError(
            f"{variable.name!r} is relaxed (a weight tensor); a plain network needs one of {list(variable.options)}"
        )
    return value
