"""From a plain mapping to a typed configuration: everything is checked before anything runs."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archwright.errors import UserError, nearest
from archwright.parts import RUNTIME, Setting, Vocabulary, component, expected, optional, scalar, settings, values
from archwright.recipes._quantity import quantity
from archwright.registry import Part
from archwright.trial import Objective, objectives

if TYPE_CHECKING:
    from archwright.run import Config

_ROOT = "recipe"
_KINDS = {"space": "space", "phases": "phase"}
_LIMITS = ("params", "flops", "latency_ms", "size", "memory")


def check(mapping: Mapping[str, Any], *, data: str | None = None, vocabulary: Vocabulary | None = None) -> Config:
    """The typed configuration that a recipe describes. Nothing is trained, loaded or downloaded.

    Args:
        mapping: recipe as read from YAML (`recipes.read`).
        data: data set name or path; replaces the recipe's own `data`.
        vocabulary: names and configuration class to check against; default: everything installed.

    Raises:
        UserError: unknown key or part (with the nearest), wrong type (with the value and what was expected), a missing
            setting, a limit or objective without a known direction, unknown data; the message starts with the path of
            the place, such as `phases.search.strategy.nsga2`.
    """
    vocabulary = vocabulary or Vocabulary.installed()
    raw = dict(mapping) if data is None else {**mapping, "data": data}
    if not raw.get("data"):
        raise UserError(f"no data; name one of {', '.join(vocabulary.registries['data'].names())}, or a path")
    if isinstance(raw.get("limits"), Mapping):
        raw["limits"] = {name: quantity(limit, name) for name, limit in raw["limits"].items()}
    given = _Checker(vocabulary).keywords(_ROOT, vocabulary.config, raw, frozenset())
    config = vocabulary.config(**given)
    _sensible(config, vocabulary)
    return typing.cast("Config", config)


def _sensible(config: Any, vocabulary: Vocabulary) -> None:
    """Rules that types cannot say."""
    known = vocabulary.registries["data"].names()
    if config.data not in known and not Path(config.data).exists():
        raise UserError(f"unknown data {config.data!r}: no such name, no such path{nearest(config.data, known)}")
    wanted = objectives(config.objectives) if config.objectives else ()  # none: the run takes accuracy and a limit
    minimised = {objective.metric for objective in wanted if not objective.maximise}
    for name in config.limits:
        if name not in minimised and not _falls(name):
            raise UserError(f"limits.{name}: not a metric that can have an upper bound{nearest(name, _LIMITS)}")
    if config.net is not None and not re.fullmatch(r"\w+(\.\w+)*:\w+", config.net):
        raise UserError(f"net: expected package.module:function, got {config.net!r}")
    if config.minutes is not None and not config.minutes > 0:
        raise UserError(f"minutes: must be above 0, got {config.minutes}")
    if config.seed < 0:
        raise UserError(f"seed: must be at least 0, got {config.seed}")
    if not config.phases:
        raise UserError(f"phases: a recipe needs at least one{nearest('', vocabulary.registries['phase'].names())}")


def _falls(metric: str) -> bool:
    """Whether less of a metric is known to be better."""
    try:
        return not Objective.parse(metric).maximise
    except UserError:
        return False


class _Checker:
    """Walks a recipe along the annotations of the constructors it names."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._registries = vocabulary.registries

    def keywords(
        self, path: str, constructor: Callable[..., Any], raw: Any, reserved: frozenset[str] = RUNTIME
    ) -> dict[str, Any]:
        """Checked keyword arguments for `constructor`."""
        if not isinstance(raw, Mapping):
            raise UserError(f"{path}: expected a mapping of settings, got {raw!r}")
        allowed = settings(constructor, reserved=reserved)
        for key in raw:
            if key in allowed:
                continue
            if key in reserved:
                raise UserError(f"{path}: {key!r} is given by the run, not by a part's settings")
            raise UserError(f"{path}: unknown key {key!r}{nearest(str(key), allowed)}")
        missing = [name for name, setting in allowed.items() if setting.required and name not in raw]
        if missing:
            raise UserError(f"{path}: {missing[0]!r} is missing ({expected(allowed[missing[0]].annotation)})")
        return {key: self._value(_join(path, key), allowed[key], raw[key]) for key in raw}

    def _value(self, path: str, setting: Setting, raw: Any) -> Any:
        return self._typed(path, setting.annotation, raw, _KINDS.get(path, ""), setting.default)

    def _typed(self, path: str, annotation: Any, raw: Any, kind: str, default: Any = None) -> Any:
        inner, may_be_none = optional(annotation)
        if raw is None and may_be_none:
            return None
        if may_be_none:
            return self._typed(path, inner, raw, kind, default)
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated and holds_parts(arguments[0]):
            kinds = [word for word in arguments[1:] if isinstance(word, str)]
            return self._typed(path, arguments[0], raw, kinds[0] if kinds else kind, default)
        if annotation is Part or (origin in (typing.Union, types.UnionType) and Part in arguments):
            return self._part(path, kind, raw)
        if arguments and origin is not None and holds_parts(annotation):
            return self._parts(path, arguments, raw, kind)
        if component(annotation):
            return self._component(path, annotation, raw, default)
        return scalar(path, annotation, raw)

    def _parts(self, path: str, arguments: tuple[Any, ...], raw: Any, kind: str) -> Any:
        """Several parts: a list of them, or a mapping from names to them."""
        if arguments[0] is str:
            if not isinstance(raw, Mapping):
                raise UserError(f"{path}: expected a mapping from names to a {kind} each, got {raw!r}")
            return {key: self._typed(f"{path}.{key}", arguments[1], item, kind) for key, item in raw.items()}
        if not isinstance(raw, list | tuple):
            raise UserError(f"{path}: expected a list, one {kind} each, got {raw!r}")
        named = [_single(path, kind, item) for item in raw]
        names = [name for name, _ in named]
        places = [path if names.count(name) == 1 else f"{path}.{i}" for i, name in enumerate(names)]
        items = zip(places, named)
        return tuple(self._typed(place, arguments[0], {name: below}, kind) for place, (name, below) in items)

    def _part(self, path: str, kind: str, raw: Any) -> Part:
        name, below = _single(path, kind, raw)
        registry = self._registries[kind]
        if name not in registry.names():
            raise UserError(f"{path}: unknown {kind} {name!r}{nearest(name, registry.names())}")
        constructor, place = registry.load(name), f"{path}.{name}"
        given = self.keywords(place, constructor, {} if below is None else below)
        _try(place, constructor, given)
        return Part(kind, name, given)

    def _component(self, path: str, cls: type, raw: Any, default: Any) -> Any:
        """Settings not named keep what the phase's own default instance has."""
        given = self.keywords(path, cls, raw if raw is not None else {})
        start = values(default) if isinstance(default, cls) else {}
        return _built(path, cls, {**start, **given})


def _built(path: str, constructor: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    try:
        return constructor(**given)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _try(path: str, constructor: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Construct a part that needs nothing of the run, for the ranges that only its constructor knows."""
    parameters = inspect.signature(constructor).parameters.values()
    needs = any(p.default is p.empty and p.name not in given for p in parameters)
    if isinstance(constructor, type) and not needs:
        _built(path, constructor, given)


def holds_parts(annotation: Any) -> bool:
    """Whether parts stand somewhere inside an annotation."""
    return annotation is Part or any(holds_parts(a) for a in typing.get_args(annotation))


def _single(path: str, kind: str, raw: Any) -> tuple[str, Any]:
    """Name and settings of `name` or `{name: settings}`."""
    if isinstance(raw, str):
        return raw, None
    if isinstance(raw, Mapping) and len(raw) == 1 and isinstance(name := next(iter(raw)), str):
        return name, raw[name]
    if isinstance(raw, Mapping) and len(raw) > 1:
        raise UserError(f"{path}: one {kind} expected, got {len(raw)}: {', '.join(map(str, raw))}")
    raise UserError(f"{path}: expected the name of a {kind}, or name: {{settings}}, got {raw!r}")


def _join(path: str, key: str) -> str:
    return key if path == _ROOT else f"{path}.{key}"
