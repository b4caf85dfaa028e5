"""Trials and spaces as the JSON that a storage keeps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from archwright.errors import UserError
from archwright.space import Arch, Space
from archwright.study._task import Task
from archwright.trial import Report, Trial

_REPORT = "report:"
INTERRUPTED = "interrupted"


def beginning(task: Task, source: str, versions: Mapping[str, str]) -> dict[str, Any]:
    """Attributes known when a trial starts."""
    return {
        "number": task.number,
        "arch": dict(task.arch),
        "key": task.arch.key,
        "seed": task.seed,
        "budget": task.budget,
        "source": source,
        "versions": dict(versions),
    }


def report(position: int, report: Report) -> dict[str, Any]:
    """The attribute that holds report number `position` of a trial."""
    return {f"{_REPORT}{position:06d}": {"step": report.step, "metrics": dict(report.metrics)}}


def ending(trial: Trial, elapsed: float) -> dict[str, Any]:
    """Attributes known when a trial ends, without those that are empty."""
    known = {
        "state": trial.state,
        "metrics": dict(trial.metrics),
        "seconds": trial.seconds,
        "elapsed": elapsed,
        "error": trial.error,
    }
    return {name: value for name, value in known.items() if value not in ("", {})}


def finished(stored: Iterable[Mapping[str, Any]], space: Space | None = None) -> tuple[list[Trial], float]:
    """The finished trials among attributes of trials, in the order of their numbers, and the latest elapsed seconds."""
    found: dict[int, Trial] = {}
    elapsed = 0.0
    for attributes in stored:
        if "state" in attributes and INTERRUPTED not in attributes:
            read = trial(attributes, space)
            found.setdefault(read.number, read)
            elapsed = max(elapsed, attributes["elapsed"])
    return [found[number] for number in sorted(found)], elapsed


def trial(attributes: Mapping[str, Any], space: Space | None = None) -> Trial:
    """The trial written as `beginning`, `report`s and `ending`; without a space its architecture is not checked.

    Raises:
        KeyError: attributes are missing.
        UserError: the architecture is not of `space`.
    """
    reports = [attributes[name] for name in sorted(attributes) if name.startswith(_REPORT)]
    return Trial(
        number=attributes["number"],
        arch=Arch(attributes["arch"]) if space is None else space.arch(attributes["arch"]),
        state=attributes["state"],
        metrics=attributes.get("metrics", {}),
        reports=tuple(Report(step=r["step"], metrics=r["metrics"]) for r in reports),
        budget=attributes["budget"],
        seed=attributes["seed"],
        seconds=attributes["seconds"],
        source=attributes["source"],
        error=attributes.get("error", ""),
    )


def declaration(space: Space) -> dict[str, Any]:
    """The declaration of `space` as JSON data; functions that cannot be written are left out."""
    try:
        return json.loads(space.to_json())
    except UserError:
        return {"variables": [v.to_json() for v in space.variables], "when": space.when, "name": space.name}


def difference(stored: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """In words, what is not the same in two descriptions of a study; empty when all is."""
    parts = []
    for name, here in json.loads(json.dumps(facts)).items():
        there = stored[name]
        if there == here:
            continue
        if name == "space":
            parts.append(_space_difference(there, here))
        elif isinstance(here, dict):
            keys = [k for k in {**there, **here} if there.get(k) != here.get(k)]
            parts += [f"{name}.{k} {there.get(k)!r} there, {here.get(k)!r} here" for k in keys]
        else:
            parts.append(f"{name} {there!r} there, {here!r} here")
    return "; ".join(parts)


def _space_difference(stored: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    before = {v["name"]: v for v in stored["variables"]}
    now = {v["name"]: v for v in here["variables"]}
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return f"the space differs in {', '.join(names[:5]) or 'its conditions, constraints or name'}"
