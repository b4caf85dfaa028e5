"""The third slot: how the architecture parameters move."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from torch import Tensor

from archwright.supernet import Supernet

Wanted = Literal["alphas", "weights", "layers"]


class Update(ABC):
    """Settings of a rule; `begin` gives what moves one set of parameters.

    Attributes:
        wants: gradients by the parameters (`"alphas"`), by the weights that the relaxation made of them (`"weights"`),
            or by those weights in every layer that reads them (`"layers"`).
    """

    wants: ClassVar[Wanted] = "alphas"

    @abstractmethod
    def begin(self, alphas: Sequence[Tensor]) -> Mover:
        """Start to move `alphas`, which are changed in place."""


class Mover(ABC):
    """A rule at work."""

    def attach(self, net: Supernet, names: Sequence[str]) -> None:  # noqa: B027  most rules know no network
        """Told once whose parameters it moves.

        Args:
            net: supernet.
            names: of the variables, in the order of the parameters.

        Raises:
            UserError: the rule does not go with the network.
        """

    def plan(self, steps: int) -> None:  # noqa: B027  most rules do not ask how long they will run
        """Told before the first step how many there will be."""

    def look(  # noqa: B027  most rules need no curvature
        self, logits: Callable[[Sequence[Tensor]], Tensor], loss: Callable[[Sequence[Tensor]], Tensor]
    ) -> None:
        """Told before a step with gradients of a mixture what they are of.

        Args:
            logits: (N, classes), a function of what `Update.wants` names.
            loss: a scalar, a function of the same.
        """

    @abstractmethod
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Move once.

        Args:
            gradients: of the loss, one for each tensor, of what `Update.wants` names; by layers (layers, n) each.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values to continue from."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
