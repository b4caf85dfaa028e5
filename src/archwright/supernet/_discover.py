"""The space of a network, read off its module tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from archwright.errors import UserError
from archwright.space import Space
from archwright.supernet._searchable import Condition, Searchable, Variable

_Conditions = dict[str, frozenset[Any]]  # all must hold


def discover(
    module: nn.Module,
    *,
    name: str = "",
    where: Callable[..., bool] | Sequence[Callable[..., bool]] = (),
    canonical: Callable[..., Any] | None = None,
    graph: Callable[..., Any] | None = None,
) -> Space:
    """The variables of all searchable layers inside `module`, each active only if a layer that reads it can run.

    Raises:
        UserError: no searchable layer, or one name with two different definitions.
    """
    variables: dict[str, Variable] = {}
    uses: dict[str, list[_Conditions]] = {}
    _walk(module, {}, variables, uses)
    if not variables:
        raise UserError(f"{type(module).__name__} holds no searchable layer (OneOf, Elastic..., Depth, Cell)")
    when = {}
    for variable, conditions in uses.items():
        alternatives = _simplified([{k: v for k, v in c.items() if k != variable} for c in conditions])
        if alternatives:
            when[variable] = [{k: _ordered(variables[k], v) for k, v in c.items()} for c in alternatives]
    return Space(tuple(variables.values()), when=when, where=where, canonical=canonical, graph=graph, name=name)


def _walk(
    module: nn.Module, condition: _Conditions, variables: dict[str, Variable], uses: dict[str, list[_Conditions]]
) -> None:
    if not isinstance(module, Searchable):
        for child in module.children():
            _walk(child, condition, variables, uses)
        return
    for variable in module.variables():
        known = variables.setdefault(variable.name, variable)
        if known != variable:
            raise UserError(f"two different decisions share the name {variable.name!r}: {known} and {variable}")
        uses.setdefault(variable.name, []).append(condition)
    for child, extra in module.branches():
        both = _both(condition, extra)
        if all(both.values()):  # else no architecture runs this child
            _walk(child, both, variables, uses)


def _both(condition: _Conditions, extra: Condition) -> _Conditions:
    merged = dict(condition)
    for name, values in extra.items():
        merged[name] = merged.get(name, frozenset(values)) & frozenset(values)
    return merged


def _simplified(alternatives: list[_Conditions]) -> list[_Conditions]:
    """An equivalent shorter list of alternatives; empty if one of them always holds."""
    kept: list[_Conditions] = []
    for c in alternatives:
        if not c:
            return []
        if len(c) == 1:  # {a: 1 or 2} or {a: 2 or 3}  ->  {a: 1, 2 or 3}
            ((name, values),) = c.items()
            same = next((k for k in kept if k.keys() == c.keys()), None)
            if same is not None:
                same[name] = same[name] | values
                continue
        if not any(_implies(c, k) for k in kept):
            kept = [k for k in kept if not _implies(k, c)] + [dict(c)]
    return kept


def _implies(a: _Conditions, b: _Conditions) -> bool:
    """Whether a holds only if b does."""
    return all(name in a and a[name] <= values for name, values in b.items())


def _ordered(variable: Variable, values: frozenset[Any]) -> list[Any]:
    return [option for option in variable.options if option in values]
