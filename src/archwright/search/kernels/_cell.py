"""An architecture as labelled acyclic graphs, in plain tuples."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from archwright.space import Arch, Space

ENDS = ("input", "output")


@dataclass(frozen=True)
class Cell:
    """A directed acyclic graph of operations.

    Args:
        labels: one a vertex, every vertex after those it reads.
        sources: positions of the vertices that each vertex reads, ascending.
        units: of each vertex, 0 where the graph says nothing.
    """

    labels: tuple[str, ...]
    sources: tuple[tuple[int, ...], ...]
    units: tuple[float, ...] = field(default=())

    @functools.cached_property
    def targets(self) -> tuple[tuple[int, ...], ...]:
        """Positions of the vertices that read each vertex, ascending."""
        found: list[list[int]] = [[] for _ in self.labels]
        for j, sources in enumerate(self.sources):
            for i in sources:
                found[i].append(j)
        return tuple(map(tuple, found))

    @functools.cached_property
    def layers(self) -> tuple[int, ...]:
        """Edges on the shortest way from an input to each vertex; -1 where there is none.

        Without a vertex labelled `input` the ways start wherever nothing is read.
        """
        starts = [v for v, label in enumerate(self.labels) if label == "input"]
        starts = starts or [v for v, sources in enumerate(self.sources) if not sources]
        layer = [-1] * len(self.labels)
        for v in starts:
            layer[v] = 0
        queue = deque(starts)
        while queue:
            v = queue.popleft()
            for w in self.targets[v]:
                if layer[w] < 0:
                    layer[w] = layer[v] + 1
                    queue.append(w)
        return tuple(layer)

    @functools.cached_property
    def operations(self) -> tuple[int, ...]:
        """Positions of the vertices with an edge that are neither input nor output."""
        return tuple(
            v for v, label in enumerate(self.labels) if label not in ENDS and (self.sources[v] or self.targets[v])
        )


def cells(space: Space, arch: Arch) -> dict[str, Cell]:
    """The graph of an architecture, cut into its cells.

    A graph of several cells calls its vertices `<cell>.<vertex>`; all others are one cell, called "".
    """
    graph = space.graph(arch)
    attributes: Mapping[Hashable, Mapping[str, Any]] = dict(graph.nodes(data=True))
    read: Mapping[Hashable, Sequence[Hashable]] = {v: list(graph.pred[v]) for v in attributes}
    parts: dict[str, list[Hashable]] = {}
    for vertex in _in_order(read):
        name = vertex.partition(".")[0] if isinstance(vertex, str) and "." in vertex else ""
        parts.setdefault(name, []).append(vertex)
    return {name: _cell(parts[name], attributes, read) for name in sorted(parts)}


def _in_order(read: Mapping[Hashable, Sequence[Hashable]]) -> list[Hashable]:
    """Vertices after those they read, otherwise in the order of the graph."""
    done: dict[Hashable, None] = {}
    waiting = list(read)
    while waiting:
        late = []
        for vertex in waiting:
            if all(source in done for source in read[vertex]):
                done[vertex] = None
            else:
                late.append(vertex)
        if len(late) == len(waiting):
            raise ValueError("the graph of an architecture has a cycle")
        waiting = late
    return list(done)


def _cell(
    vertices: Sequence[Hashable],
    attributes: Mapping[Hashable, Mapping[str, Any]],
    read: Mapping[Hashable, Sequence[Hashable]],
) -> Cell:
    position = {vertex: n for n, vertex in enumerate(vertices)}
    return Cell(
        tuple(str(attributes[v]["op"]) for v in vertices),
        tuple(tuple(sorted(position[s] for s in read[v] if s in position)) for v in vertices),
        tuple(float(attributes[v].get("units", 0.0)) for v in vertices),
    )


def sampled(space: Space, count: int = 200) -> list[dict[str, Cell]]:
    """The cells of `count` random architectures, always the same ones: what a space looks like."""
    rng = np.random.default_rng(0)
    return [cells(space, space.sample(rng)) for _ in range(count)]


def labels(space: Space, seen: Sequence[Mapping[str, Cell]]) -> tuple[str, ...]:
    """Every label that the graphs of a space can have, as far as random architectures and the options tell, sorted.

    An option that was not drawn is a label, too, if another option of its variable is one, as `option` or as
    `variable=option`.
    """
    known = {label for found in seen for cell in found.values() for label in cell.labels} - set(ENDS)
    for variable in space.variables:
        options: Sequence[Any] = getattr(variable, "options", ())
        for named in ([str(option) for option in options], [f"{variable.name}={option}" for option in options]):
            if not known.isdisjoint(named):
                known.update(named)
    return tuple(sorted(known))
