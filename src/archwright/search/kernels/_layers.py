"""A network as its layers: what kind, how much they compute, and where they are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archwright.search.kernels._cell import ENDS, Cell

RECTIFIERS = ("relu", "crelu", "leaky-relu", "softplus", "elu")
SIGMOIDS = ("logistic", "tanh", "sigmoid")
DECISIONS = ("softmax", "linear")
_PASSING = ("pool", "skip", "identity")
_IDLE = 0.1  # part of the computation that input and output are worth
_LEAST = 100.0  # but at least that much
_FULLY_CONNECTED = 0.1  # factor for fully connected layers of convolutional networks

_Lengths = list[tuple[float, float, float]]
Group = Literal["all", "conv", "pool", "fc", "rectifier", "sigmoid"]


@dataclass(frozen=True)
class Layers:
    """Layers on ways from an input to an output.

    Args:
        labels: (n,) texts; of a graph of several cells `<cell>/<label>`.
        mass: (n,) amounts of computation.
        place: (n, 2 k) lengths of the ways back to the inputs (first k) and on to the outputs: for each group of layers
            the shortest, the longest and the mean over random walks, counting the layers of the group that are left.
    """

    labels: tuple[str, ...]
    mass: NDArray[np.float64]
    place: NDArray[np.float64]


def layers(graph: Mapping[str, Cell], groups: Sequence[Group], units: float) -> Layers:
    """The layers of all cells of a graph.

    Args:
        graph: cells by name.
        groups: of layers whose edges count.
        units: of a layer whose vertex says nothing.
    """
    names = {label for cell in graph.values() for label in cell.labels}
    convolutional = any("conv" in label for label in names)
    parts = []
    for name, cell in graph.items():
        kept = _connected(cell)
        labels = tuple(f"{name}/{cell.labels[v]}" if name else cell.labels[v] for v in kept.labels_at)
        mass = _masses(kept.cell, units, convolutional)
        parts.append(Layers(labels, mass, _places(kept.cell, groups)))
    return Layers(
        tuple(label for part in parts for label in part.labels),
        np.concatenate([part.mass for part in parts]),
        np.concatenate([part.place for part in parts]),
    )


def belongs(label: str, group: Group) -> bool:
    """Whether a layer with this label is one of the group."""
    if group == "rectifier":
        return label in RECTIFIERS
    if group == "sigmoid":
        return label in SIGMOIDS
    return group == "all" or group in label


def kind(label: str) -> str:
    """Layers of one kind can do each other's computation: activations, convolutions, pools, options of one variable."""
    place, _, label = label.rpartition("/")
    if label in RECTIFIERS + SIGMOIDS:
        return f"{place}/activation"
    known = [family for family in ("conv", "pool") if family in label]
    return f"{place}/{known[0]}" if known else f"{place}/{label.rpartition('=')[0] or label}"


def penalty(one: str, two: str) -> float:
    """Cost of a unit of computation that is done by another kind of layer, infinite where that makes no sense.

    Kandasamy et al. (2018), tables of label penalties: activations of one family 0.1, of both families 0.25;
    convolutions sqrt(|k - k'|) sqrt(2) / 10 in the kernel sizes k, of two types 0.9 x that + 0.1; two pools 0.5.
    Options of one variable, `name=value`: 0.25.
    """
    common = kind(one)
    if common != kind(two):
        return np.inf
    one, two = (label.rpartition("/")[2] for label in (one, two))
    if one == two:
        return 0.0
    if common.endswith("/activation"):
        return 0.1 if (one in SIGMOIDS) == (two in SIGMOIDS) else 0.25
    if common.endswith("/conv"):
        (size, type_), (other, second) = _kernel(one), _kernel(two)
        apart = float(np.sqrt(2 * abs(size - other))) / 10
        return apart if type_ == second else 0.9 * apart + 0.1
    return 0.5 if common.endswith("/pool") else 0.25


def _kernel(label: str) -> tuple[int, str]:
    """Kernel size and type of a convolution."""
    found = re.search(r"(\d+)(?:x\d+)?", label)
    return (int(found[1]), label.replace(found[0], "", 1)) if found else (0, label)


@dataclass(frozen=True)
class _Kept:
    cell: Cell
    labels_at: tuple[int, ...]


def _connected(cell: Cell) -> _Kept:
    """The vertices on ways from an input to an output, and all inputs and outputs."""
    count = range(len(cell.labels))
    behind: set[int] = set()
    before: set[int] = set()
    for v in count:
        if cell.labels[v] == ENDS[0] or behind.intersection(cell.sources[v]):
            behind.add(v)
    for v in reversed(count):
        if cell.labels[v] == ENDS[1] or before.intersection(cell.targets[v]):
            before.add(v)
    kept = tuple(v for v in count if cell.labels[v] in ENDS or (v in behind and v in before))
    position = {v: n for n, v in enumerate(kept)}
    sources = tuple(tuple(position[s] for s in cell.sources[v] if s in position) for v in kept)
    return _Kept(Cell(tuple(cell.labels[v] for v in kept), sources, tuple(cell.units[v] for v in kept)), kept)


def _masses(cell: Cell, units: float, convolutional: bool) -> NDArray[np.float64]:
    """Incoming units x units of layers that compute, incoming units of those that pass on; inputs share a tenth of the
    sum, or 100, and so do decisions and outputs."""
    own: list[float] = []
    mass = np.zeros(len(cell.labels))
    for v, label in enumerate(cell.labels):
        incoming = sum(own[s] for s in cell.sources[v])
        passing = any(kind in label for kind in _PASSING)
        own.append(1.0 if label == ENDS[0] else cell.units[v] or (incoming if passing else units))
        if label not in ENDS + DECISIONS:
            factor = _FULLY_CONNECTED if convolutional and "fc" in label else 1.0
            mass[v] = incoming if passing else factor * incoming * own[v]
    idle = max(_IDLE * mass.sum(), _LEAST)
    for kind in ((ENDS[0],), (ENDS[1],), DECISIONS):
        members = [v for v, label in enumerate(cell.labels) if label in kind]
        mass[members] = idle / max(len(members), 1)
    return mass


def _places(cell: Cell, groups: Sequence[Group]) -> NDArray[np.float64]:
    """(n, 2 x groups x 3). Ways to the inputs are walked backwards, so that the layer itself counts in both."""
    count = range(len(cell.labels))
    weights = [[float(belongs(label, group)) for group in groups] for label in cell.labels]
    back: list[_Lengths] = []
    for v in count:
        back.append(_step([back[s] for s in cell.sources[v]], weights[v]))
    on: dict[int, _Lengths] = {}
    for v in reversed(count):
        on[v] = _step([on[t] for t in cell.targets[v]], weights[v])
    return np.array([[back[v], on[v]] for v in count]).reshape(len(count), -1)


def _step(ways: Sequence[_Lengths], weights: Sequence[float]) -> _Lengths:
    """Shortest, longest and mean length over the next layers and the step to them."""
    if not ways:
        return [(0.0, 0.0, 0.0)] * len(weights)
    return [
        (min(w[0] for w in of) + step, max(w[1] for w in of) + step, sum(w[2] for w in of) / len(of) + step)
        for step, of in zip(weights, zip(*ways))
    ]
