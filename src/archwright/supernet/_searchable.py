"""The abstract searchable layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

from torch import nn

from archwright.errors import UserError
from archwright.space import Choice, Ordinal

Variable = Choice | Ordinal
Condition = Mapping[str, tuple[str | int | float | bool | None, ...]]
"""`{variable: values}`: what must hold for a part of the network to run."""


class Searchable(nn.Module, ABC):
    """A layer whose shape or content an architecture decides.

    Subclasses are final. They say which variables they read (`variables`), under which condition their children run
    (`branches`), and what they are once everything is decided (`plain`).
    """

    @abstractmethod
    def variables(self) -> tuple[Variable, ...]:
        """The variables this layer reads itself (not those of its children), in a fixed order."""

    def branches(self) -> Iterator[tuple[nn.Module, Condition]]:
        """Children with the condition on this layer's variables under which each of them runs."""
        for child in self.children():
            yield child, {}

    def nothing(self) -> Mapping[str, tuple[str | int | float | bool | None, ...]]:
        """`{variable: options}`: options of this layer's variables under which what they decide adds nothing, so that
        a factor on them would have no effect."""
        return {}

    def renew(self, plain: nn.Module) -> None:
        """Draw new initial weights for what `plain` gave."""
        renew(plain)

    @abstractmethod
    def plain(self) -> nn.Module:
        """The layer under the running selection, without the search: new parameters, cut to size.

        Its children may still be searchable. An option is returned as it is, not copied.

        Raises:
            UserError: a variable is relaxed or left open.
        """


def renew(layer: nn.Module) -> None:
    """Draw new initial weights in one layer, if it has any of its own.

    Raises:
        UserError: it has parameters of its own, but no `reset_parameters`.
    """
    for protocol in ("reset_parameters", "_reset_parameters"):  # torch's: layers with weights have one of these methods
        reset = getattr(layer, protocol, None)
        if reset is not None:
            reset()
            return
    own = [name for name, _ in layer.named_parameters(recurse=False)]
    if own:
        raise UserError(
            f"{type(layer).__name__} has parameters of its own ({', '.join(own)}) but no method reset_parameters() "
            "that draws new ones; add it, or extract without fresh=True"
        )
