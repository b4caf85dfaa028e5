"""`OneOf` and the option that is nothing, `Zero`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Choice
from archwright.supernet._searchable import Condition, Searchable, Variable
from archwright.supernet._selection import Paths, Value, concrete, decision


class Zero(nn.Module):
    """The input times zero, every `stride`-th pixel of it: the operation `none` of cell spaces."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return (x if self.stride == 1 else x[:, :, :: self.stride, :: self.stride]) * 0.0


class OneOf(Searchable):
    """One of several modules, chosen by the architecture; under relaxation the weighted sum of their outputs.

    Args:
        choice: the decision, or just its name. Layers that are given the same `Choice` share the decision.
        options: option to module, in the order of the choice. All outputs must have the same shape.

    Raises:
        UserError: options that differ from those of the choice.
    """

    def __init__(self, choice: Choice | str, options: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.choice = choice if isinstance(choice, Choice) else Choice(choice, tuple(options))
        if tuple(options) != tuple(self.choice.options):
            raise UserError(
                f"{self.choice.name!r} has the options {list(self.choice.options)}, got modules for {list(options)}"
            )
        self.options = nn.ModuleList(options.values())

    def variables(self) -> tuple[Variable, ...]:
        return (self.choice,)

    def nothing(self) -> dict[str, tuple[Value, ...]]:
        zeros = tuple(o for o, module in zip(self.choice.options, self.options) if isinstance(module, Zero))
        return {self.choice.name: zeros} if zeros else {}

    def branches(self) -> Iterator[tuple[nn.Module, Condition]]:
        for option, module in zip(self.choice.options, self.options):
            yield module, {self.choice.name: (option,)}

    def chosen(self) -> nn.Module:
        """The module that the running selection names."""
        return self.options[self.choice.index(concrete(self.choice))]

    def forward(self, x: Tensor) -> Tensor:
        weights = decision(self.choice)
        if not isinstance(weights, Tensor | Paths):
            return self.chosen()(x)
        options = list(self.options)
        if isinstance(weights, Paths):
            options, weights = [options[i] for i in weights.indices], weights.used()
        return mixture(weights, [functools.partial(m, x) for m in options], options)

    def plain(self) -> nn.Module:
        return self.chosen()


def is_zero(module: nn.Module) -> bool:
    """Whether a module, behind any choices that are decided, is `Zero`."""
    while isinstance(module, OneOf):
        if isinstance(decision(module.choice), Tensor | Paths):
            return False
        module = module.chosen()
    return isinstance(module, Zero)


def mixture(weights: Tensor, branches: Sequence[Callable[[], Tensor]], modules: Sequence[nn.Module] = ()) -> Tensor:
    """`sum of weights[n] * branches[n]()`.

    A branch of weight exactly zero runs only if the weight needs a gradient. If `modules` says what the branches run,
    those that are `Zero` run only if there is no other, so that the result has a shape.
    """
    weighted = (
        range(len(branches)) if weights.requires_grad else [n for n, w in enumerate(weights.tolist()) if w != 0.0]
    )
    busy = [n for n in weighted if not (modules and is_zero(modules[n]))] or list(weighted[:1]) or [0]
    each = weights.unbind()
    return total([each[n] * branches[n]() for n in busy])


def total(terms: Sequence[Tensor]) -> Tensor:
    """Sum without the leading zero of the built-in."""
    out = terms[0]
    for term in terms[1:]:
        out = out + term
    return out
