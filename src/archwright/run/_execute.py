"""A run from its request to its result."""

from __future__ import annotations

import datetime
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import yaml
from torch import nn

from archwright import data
from archwright.errors import UserError
from archwright.parts import effective
from archwright.run._config import Config
from archwright.run._feasible import feasible
from archwright.run._folder import Folder
from archwright.run._latency import latency_table
from archwright.run._network import build, searchable
from archwright.run._objectives import objectives
from archwright.run._outcome import outcome
from archwright.run._phases import PHASES
from archwright.run._progress import Progress
from archwright.run._state import State
from archwright.run._threads import suited_threads
from archwright.versions import versions

_NEUTRAL = ".search.workers"  # how many work does not change what they find


def execute(
    config: Config,
    folder: str | os.PathLike[str],
    *,
    net: nn.Module | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Do what `config` asks for in `folder`, or go on where an earlier call in the same folder stopped.

    Args:
        config: the request.
        folder: of the run. A finished run is not repeated: its result is returned.
        net: a searchable network made by the caller, used instead of what `config` names; changed in place.
        progress: listener.

    Returns:
        The content of `result.json`.

    Raises:
        UserError: bad request, or a folder that holds another run.
        Infeasible: no network meets the limits.
        ArchwrightError: a phase failed.
    """
    place = Folder(folder)
    progress = progress or Progress()
    with place.owned():
        request = effective(config)
        _check_same(place, request)
        done = place.read_json("result.json")
        if done:
            progress.message(f"{place.path} holds a finished run of this configuration")
            return done
        return _through_phases(prepare(config, place, progress, net), request).result


def conduct(
    config: Config,
    folder: str | os.PathLike[str],
    *,
    splits: data.Splits | None = None,
    progress: Progress | None = None,
) -> State:
    """As `execute`, but hand over the last state: it holds the network itself, so that no phase has to export it.

    In the folder of a finished run the phases take up what they find, and end with the same state.

    Args:
        config: the request.
        folder: of the run.
        splits: data, used instead of what `config` names; `config.data` must differ for other data.
        progress: listener.

    Raises:
        UserError, Infeasible, ArchwrightError: as `execute`.
    """
    place = Folder(folder)
    with place.owned():
        request = effective(config)
        _check_same(place, request)
        return _through_phases(prepare(config, place, progress or Progress(), splits=splits), request)


def _through_phases(state: State, request: Mapping[str, Any]) -> State:
    """The state after the last phase, with `result.json` written."""
    place, config = state.folder, state.config
    _claim(place, request, state.splits)
    spent = _spent(place)
    spent["prepare"] = spent.get("prepare", 0.0) + time.perf_counter() - state.started
    for number, part in enumerate(config.phases, 1):
        state.progress.phase(part.name, number, len(config.phases))
        start = time.perf_counter()
        state.result["seconds_by_phase"] = spent
        try:
            with suited_threads(state.splits.input_shape, state.device):
                part.build(PHASES)(state)
        finally:
            key = f"{number} {part.name}"
            spent[key] = spent.get(key, 0.0) + time.perf_counter() - start
            place.write_json("seconds.json", spent)
    state.result = outcome(state, spent)
    place.write_json("result.json", state.result)
    return state


def _spent(place: Folder) -> dict[str, float]:
    """Seconds by phase, those of earlier calls."""
    stored = place.read_json("seconds.json")
    if not all(isinstance(seconds, int | float) for seconds in stored.values()):
        raise place.damaged("seconds.json", "expected numbers")
    return stored


def _check_same(place: Folder, request: Mapping[str, Any]) -> None:
    """Make sure that the folder, if it holds a run, holds this one."""
    stored = place.read_config()
    if not stored:
        return
    there, asked = dict(_leaves(stored)), dict(_leaves(request))
    different = sorted(k for k in {*there, *asked} if there.get(k) != asked.get(k) and not k.endswith(_NEUTRAL))
    if different:
        details = "; ".join(f"{k} {there.get(k)!r} there, {asked.get(k)!r} asked" for k in different[:3])
        more = f" and {len(different) - 3} more" if len(different) > 3 else ""
        raise UserError(f"{place.path} holds a run of another configuration: {details}{more}; choose another --out")


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """`("phases.1.search.trials", 120)` for every value of a nested configuration."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for n, item in enumerate(value):
            yield from _leaves(item, f"{path}.{n}")
    else:
        yield path, value


def _claim(place: Folder, request: Mapping[str, Any], splits: data.Splits) -> None:
    """Store the request and the split, now that both are known to be usable."""
    if not (place / "config.yaml").exists():
        splits.save(place / "split.npz")
        place.write_json("record.json", _record())
        place.write("config.yaml", yaml.safe_dump(dict(request), sort_keys=False, allow_unicode=True))


def _record() -> dict[str, Any]:
    return {
        "command": sys.argv,
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": {"platform": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
        "device": _device_name(),
    }


def _device_name() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def prepare(
    config: Config,
    place: Folder,
    progress: Progress,
    net: nn.Module | None = None,
    splits: data.Splits | None = None,
) -> State:
    """Load the data (with the stored split, if there is one), unless they are given, and build the supernet."""
    started = time.perf_counter()
    if splits is None:
        claimed = (place / "config.yaml").exists()  # a split without it is left from a request that was refused
        indices = place / "split.npz" if claimed else None
        splits = data.load(config.data, seed=config.seed, label=config.label, indices=indices)
    progress.message(repr(splits))
    supernet = build(config, splits) if net is None else searchable(net, splits)
    progress.message(f"space {supernet.space.name or config.net}: {supernet.space.size:,} architectures")
    state = State(
        config=config,
        folder=place,
        progress=progress,
        splits=splits,
        net=supernet,
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
        started=started,
    )
    if "latency_ms" in config.limits:
        state.latency_table = latency_table(state)
    state.feasible = feasible(state)
    state.objectives = objectives(state)
    state.result = {"objectives": list(state.objectives)}
    for part in config.phases:
        part.build(PHASES).check(state)
    return state
