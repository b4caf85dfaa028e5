"""Phase `report`, and the report of a run that is over."""

from __future__ import annotations

import csv
import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import networkx as nx

from archwright import report
from archwright.errors import ArchwrightError
from archwright.run._finished import opened
from archwright.run._folder import Folder
from archwright.run._outcome import outcome
from archwright.run._phase import Phase
from archwright.run._state import State
from archwright.study import stored
from archwright.trial import Trial


@dataclasses.dataclass(frozen=True, kw_only=True)
class WriteReport(Phase):
    """Write `summary.csv`, a row for each candidate, and `report.html`, a page for a colleague."""

    def __call__(self, state: State) -> None:
        if state.chosen is not None:
            state.result["graph"] = plain(state.net.space.graph(state.chosen))
        result = outcome(state, state.result.get("seconds_by_phase", {}))
        _write(state.folder, gathered(state.folder, result, state.trials))


def write_report(folder: str | os.PathLike[str]) -> Path:
    """Write `summary.csv` and `report.html` of a finished run again, from the files in its folder alone.

    Returns:
        Path of `report.html`.

    Raises:
        UserError: not the folder of a finished run.
        ArchwrightError: a file of the run cannot be read, or the report cannot be written.
    """
    finished = opened(folder)
    place = Folder(folder)
    return _write(place, gathered(place, finished.result, stored(place / "study.db", "search")))


def gathered(place: Folder, result: Mapping[str, Any], trials: Sequence[Trial]) -> report.Facts:
    """What the report is made of: `result` and `trials`, and whatever else the folder holds."""
    return report.Facts(
        result=result,
        config=place.read_config(),
        record=place.read_json("record.json"),
        trials=trials,
        baseline=stored(place / "study.db", "baseline"),
        network=place.read_json("best/architecture.json"),
        latency_table=place.read_json("latency.json"),
        answers=_answers(place / "predictions.csv"),
    )


def plain(graph: nx.DiGraph) -> dict[str, Any]:
    """A graph as JSON values: labels of the nodes, and edges as pairs of positions."""
    position = {node: n for n, node in enumerate(graph)}
    nodes = [str(attributes.get("op", node)) for node, attributes in graph.nodes(data=True)]
    return {"nodes": nodes, "edges": [[position[a], position[b]] for a, b in graph.edges]}


def _answers(path: Path) -> list[tuple[int, int]]:
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            return [(int(row["label"]), int(row["predicted"])) for row in csv.DictReader(lines)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArchwrightError(f"cannot read {path}: {error!r}") from error


def _write(place: Folder, facts: report.Facts) -> Path:
    page = report.html(facts)
    place.write("summary.csv", report.summary(facts))
    return place.write("report.html", page)
