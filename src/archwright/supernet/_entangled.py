"""`Entangled`: a choice among operations of which some share weights."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Choice, Ordinal
from archwright.supernet._oneof import mixture
from archwright.supernet._searchable import Condition, Searchable, Variable
from archwright.supernet._selection import Decision, Paths, Value, concrete, current, decision, selected
from archwright.supernet._slice import sliced


class Entangled(Searchable):
    """One of several operations; those of one family are sizes of one elastic module and share its weights.

    Under relaxation a family runs once, on its superposed weights, times what its options weigh together:
    `out = sum_F s_F f_F(x; sum_k a_k / s_F P(s_k(W_F)))`, `s_F` the sum of `a_k` over the options of F (TangleNAS,
    Sukthanker et al. 2023). For a layer that is linear in its weights this is the published `f(x; sum_k a_k
    P(s_k(W)))`; where batch normalisation follows, the published form loses `s_F`, and this one does not.

    Args:
        choice: the decision, relaxed like that of a `OneOf`.
        options: option to (module, size), in the order of the choice. Options with the same module object are a family;
            the size is that of its one `Ordinal`, and None for a module without one.

    Raises:
        UserError: options that differ from those of the choice; a module with several variables; a size that its
            variable does not have.
    """

    def __init__(self, choice: Choice, options: Mapping[str, tuple[nn.Module, Value]]) -> None:
        super().__init__()
        if tuple(options) != tuple(choice.options):
            raise UserError(f"{choice.name!r} has the options {list(choice.options)}, got modules for {list(options)}")
        self.choice = choice
        modules = list(dict.fromkeys(module for module, _ in options.values()))
        self.families = nn.ModuleList(modules)
        self._variables = [_variable(choice, module) for module in modules]
        self._family = [modules.index(module) for module, _ in options.values()]
        self._sizes = [self._checked(n, size) for n, (_, size) in enumerate(options.values())]

    def _checked(self, n: int, size: Value) -> Value:
        variable = self._variables[self._family[n]]
        if variable is not None:
            return variable.check(size)
        if size is not None:
            raise UserError(f"{self.choice.options[n]!r} of {self.choice.name!r} has no size to be set to {size!r}")
        return None

    def variables(self) -> tuple[Variable, ...]:
        return (self.choice,)

    def branches(self) -> Iterator[tuple[nn.Module, Condition]]:
        """Nothing: the sizes of the families are decided here."""
        yield from ()

    def forward(self, x: Tensor) -> Tensor:
        weights = decision(self.choice)
        if isinstance(weights, Paths):
            return self._mixed(x, weights.indices, weights.used())
        if isinstance(weights, Tensor):
            return self._mixed(x, tuple(range(len(self._sizes))), weights)
        return self._one(x, self.choice.index(weights))

    def _one(self, x: Tensor, n: int) -> Tensor:
        with self._set(self._family[n], self._sizes[n]):
            return self.families[self._family[n]](x)

    def _mixed(self, x: Tensor, options: tuple[int, ...], weights: Tensor) -> Tensor:
        families = sorted({self._family[n] for n in options})
        member = weights.new_tensor([[float(self._family[n] == f) for n in options] for f in families])
        runs = []
        for f in families:
            places = [place for place, n in enumerate(options) if self._family[n] == f]
            runs.append(functools.partial(self._run, x, [options[place] for place in places], weights[places]))
        return mixture(member @ weights, runs, [self.families[f] for f in families])

    def _run(self, x: Tensor, options: list[int], weights: Tensor) -> Tensor:
        """One family at the mixture of some of its options, whose weights need not sum to one."""
        family = self._family[options[0]]
        variable = self._variables[family]
        if variable is None or len(options) == 1:
            return self._one(x, options[0])
        total = weights.sum()
        shares = weights / total if float(total.detach()) != 0.0 else torch.full_like(weights, 1.0 / len(options))
        places = torch.tensor([variable.index(self._sizes[n]) for n in options], device=weights.device)
        with self._set(family, weights.new_zeros(variable.count).index_put((places,), shares)):
            return self.families[family](x)

    def _set(self, family: int, size: Decision) -> AbstractContextManager[None]:
        variable = self._variables[family]
        return selected(current() if variable is None else {**current(), variable.name: size})

    def plain(self) -> nn.Module:
        n = self.choice.index(concrete(self.choice))
        with self._set(self._family[n], self._sizes[n]):
            return sliced(self.families[self._family[n]])


def _variable(choice: Choice, module: nn.Module) -> Ordinal | None:
    """The one variable of a family, None if there is none."""
    found = {v for m in module.modules() if isinstance(m, Searchable) for v in m.variables()}
    sizes = [v for v in found if isinstance(v, Ordinal)]
    if len(found) > 1 or len(sizes) < len(found):
        names = sorted(v.name for v in found)
        raise UserError(f"options of {choice.name!r} that share weights may differ in one Ordinal, got {names}")
    return sizes[0] if sizes else None
