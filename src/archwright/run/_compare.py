"""Finished runs side by side."""

from __future__ import annotations

import hashlib
import json
import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from archwright.data import Partition
from archwright.errors import UserError
from archwright.run._finished import Finished, opened
from archwright.statistics import wilson
from archwright.study import stored

_METRICS = ("test", "valid", "params", "flops", "latency_ms", "size", "seconds")  # of a group of runs
_PARTS = ("train", "valid", "test")
_NEUTRAL = ("seed", "phases.search.workers")  # how many work does not change what they find
_OWN = ("data", "label", "seed", "recipe", "about", "limits")  # settings that a row says itself, or that say nothing


def compare(folders: Sequence[str | os.PathLike[str]]) -> dict[str, Any]:
    """Finished runs as rows of one table, and whether their accuracies may be compared.

    Args:
        folders: of finished runs, each once.

    Returns:
        JSON values:
        `runs`: for each its `run` (folder), `data`, `fingerprint`, `split` (a hash for each part), `recipe`, `space`,
        `seed`, `test` and `valid` accuracy in percent, `test_interval` (95 %, Wilson 1927, of the sampling of the test
        part alone), `test_samples`, `params`, `flops`, `latency_ms`, `device` of that latency, `size` in bytes,
        `limits`, `seconds`, `trials` of the search;
        `comparable`: the same data and the same test samples in all of them;
        `notes`: what differs and what follows from it, one sentence each;
        `settings`: those that differ between the runs, name to one value a run (None: not there);
        `groups`: runs that differ in nothing but the seed, two or more, with `n`, `seeds`, and `mean` and sample
        standard deviation `std` of each number.

    Raises:
        UserError: no folder, one named twice, or not the folder of a finished run.
    """
    if not folders:
        raise UserError("compare what? Name the folders of finished runs")
    places = [Path(folder).resolve() for folder in folders]
    for place in places:
        if places.count(place) > 1:
            raise UserError(f"{place} is named twice")
    finished = [opened(folder) for folder in folders]
    rows = [_row(run) for run in finished]
    configs = [dict(_flat(run.config)) for run in finished]
    different = _different(configs)
    comparable = len({(row["fingerprint"], row["split"]["test"]) for row in rows}) == 1
    return {
        "runs": rows,
        "comparable": comparable,
        "notes": list(_notes(rows, different)),
        "settings": different,
        "groups": list(_groups(rows, [run.config for run in finished])),
    }


def _row(run: Finished) -> dict[str, Any]:
    result = run.result
    known, space, latency = (result.get(name) or {} for name in ("data", "space", "latency"))
    samples = (known.get("sizes") or {}).get("test") or 0
    test = (result.get("test") or {}).get("accuracy")
    interval = None if test is None else [100 * end for end in wilson(test / 100, samples)]
    return {
        "run": str(run.folder),
        "data": known.get("name") or run.config.get("data"),
        "fingerprint": known.get("fingerprint"),
        "split": _split(run.folder / "split.npz"),
        "recipe": result.get("recipe") or run.config.get("recipe"),
        "space": space.get("name"),
        "seed": result.get("seed", run.config.get("seed")),
        "test": test,
        "test_interval": interval,
        "test_samples": samples,
        "valid": (result.get("valid") or {}).get("accuracy"),
        **{name: result.get(name) for name in ("params", "flops", "latency_ms")},
        "device": latency.get("device"),
        "size": result.get("size"),
        "limits": result.get("limits") or {},
        "seconds": result.get("seconds"),
        "trials": len(stored(run.folder / "study.db", "search")),
    }


def _split(path: Path) -> dict[str, str]:
    """A hash of the samples of each part; equal parts have equal hashes."""
    if not path.is_file():
        return dict.fromkeys(_PARTS, "")
    indices = Partition.read(path).indices
    return {part: hashlib.sha256(_as_text(indices[part])).hexdigest()[:16] for part in _PARTS}


def _as_text(positions: Any) -> bytes:
    """Positions (N,) as text, whatever their order and integer type."""
    return ",".join(map(str, sorted(positions.tolist()))).encode()


def _notes(rows: Sequence[Mapping[str, Any]], different: Mapping[str, Any]) -> Iterator[str]:
    def several(name: str) -> bool:
        return len({json.dumps(row[name], sort_keys=True) for row in rows}) > 1

    if several("fingerprint"):
        yield "the data differ: accuracies are not comparable"
    elif len({row["split"]["test"] for row in rows}) > 1:
        yield (
            "the test samples differ, as they do with another seed where the data have no test part of their own: "
            "accuracies of single runs are not comparable, only means over the same seeds"
        )
    elif several("split"):
        yield "the test samples are the same, the division of the others into training and validation is not"
    if several("limits"):
        yield "the limits differ: a run with a looser limit may use a larger network"
    if several("device"):
        yield "latencies were measured on different devices and are not comparable"
    if "minutes" in different:
        yield "the time budgets differ"


def _groups(rows: Sequence[Mapping[str, Any]], configs: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    alike: dict[str, list[Mapping[str, Any]]] = {}
    for row, config in zip(rows, configs, strict=True):
        settings = sorted((name, json.dumps(value)) for name, value in _flat(config) if name not in _NEUTRAL)
        key = json.dumps([row["fingerprint"], settings])
        alike.setdefault(key, []).append(row)
    for group in alike.values():
        if len({row["seed"] for row in group}) < 2:
            continue
        numbers = {name: [row[name] for row in group] for name in _METRICS}
        known = {name: values for name, values in numbers.items() if None not in values}
        yield {
            **{name: group[0][name] for name in ("data", "recipe", "space", "limits")},
            "runs": [row["run"] for row in group],
            "seeds": [row["seed"] for row in group],
            "n": len(group),
            "mean": {name: statistics.fmean(values) for name, values in known.items()},
            "std": {name: statistics.stdev(values) for name, values in known.items()},
        }


def _different(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Settings that are not the same in all runs."""
    names = dict.fromkeys(name for config in configs for name in config if name.partition(".")[0] not in _OWN)
    columns = {name: [config.get(name) for config in configs] for name in names}
    return {name: values for name, values in columns.items() if any(value != values[0] for value in values)}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """`("phases.search.trials", 120)` for every value of a configuration, phases by name."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        for item in value:
            yield from _flat(item, path)
    else:
        yield path, value
