"""`Pick`: the state that a node reads."""

from __future__ import annotations

from torch import Tensor, nn

from archwright.space import Choice
from archwright.supernet import Searchable
from archwright.supernet._selection import concrete, decision


class Pick(Searchable):
    """One of several states, chosen by the architecture; under relaxation their weighted sum.

    Args:
        choice: with the positions 0, 1, ... of the states as options.
    """

    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self.choice = choice

    def variables(self) -> tuple[Choice, ...]:
        return (self.choice,)

    def forward(self, *states: Tensor) -> Tensor:
        weights = decision(self.choice)
        if not isinstance(weights, Tensor):
            return states[self.choice.index(weights)]
        picked = weights[0] * states[0]
        for weight, state in zip(weights[1:], states[1:], strict=True):
            picked = picked + weight * state
        return picked

    def plain(self) -> nn.Module:
        return Picked(self.choice.index(concrete(self.choice)))


class Picked(nn.Module):
    """The state at a position.

    Args:
        position: from 0.
    """

    def __init__(self, position: int) -> None:
        super().__init__()
        self.position = position

    def forward(self, *states: Tensor) -> Tensor:
        return states[self.position]

    def extra_repr(self) -> str:
        return str(self.position)
