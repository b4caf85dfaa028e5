"""`OtmannDistance`: how much computation must be moved, and how far, to turn one network into another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from archwright.search.kernels._layers import Layers, kind, penalty
from archwright.search.kernels._partial_transport import partial_transport

_STAY = 1.0  # cost of a unit of computation without a counterpart
_ROOM = 64  # labels at first; doubled when they are more
_CHUNK = 2**20  # entries of cost matrices at a time

_Part = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]
"""Labels by number, masses and places of the layers of one kind."""


@final
class OtmannDistance:
    """The distance of Kandasamy, Neiswanger, Schneider, Poczos and Xing (NeurIPS 2018, arXiv 1802.07191), section 3.

    The least sum of flow x (label penalty + nu x difference of places) + computation without a counterpart, over flows
    of computation from layers to layers; the difference of places of two layers is half the sum of the mean absolute
    differences of their ways from the inputs and of those to the outputs. A pseudo-metric. Solved exactly, all pairs of
    a call in step, and remembered for each pair.

    Args:
        structure: values of nu, a distance for each.
    """

    def __init__(self, structure: Sequence[float]) -> None:
        self.structure = tuple(structure)
        self._label: dict[str, int] = {}
        self._of_kind: dict[str, list[str]] = {}
        self._penalty = np.full((_ROOM, _ROOM), np.inf)
        self._part: list[_Part] = []
        self._parts: list[dict[str, int]] = []
        self._total: list[float] = []
        self._known: dict[tuple[int, int], NDArray[np.float64]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> OtmannDistance:
        """Itself: copies of a kernel share what is known."""
        return self

    def add(self, network: Layers) -> int:
        """Its number, counted from 0."""
        for label in dict.fromkeys(network.labels):
            if label not in self._label:
                self._learn(label)
        kinds = np.array([kind(label) for label in network.labels])
        number = np.array([self._label[label] for label in network.labels])
        parts = {}
        for name in dict.fromkeys(kinds.tolist()):
            here = kinds == name
            parts[name] = len(self._part)
            self._part.append((number[here], network.mass[here], network.place[here]))
        self._parts.append(parts)
        self._total.append(float(network.mass.sum()))
        return len(self._parts) - 1

    def _learn(self, label: str) -> None:
        """Number a label and note its penalties against those of its kind; a number makes a label of every value."""
        here = self._label[label] = len(self._label)
        if here == len(self._penalty):
            grown = np.full((2 * here, 2 * here), np.inf)
            grown[:here, :here] = self._penalty
            self._penalty = grown
        same = self._of_kind.setdefault(kind(label), [])
        same.append(label)
        for other in same:
            there = self._label[other]
            self._penalty[here, there] = self._penalty[there, here] = penalty(label, other)

    def total(self, number: int) -> float:
        """All computation of a network."""
        return self._total[number]

    def pairs(self, pairs: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
        """Distances of pairs of numbers, (len(pairs), len(structure))."""
        ordered = [(min(pair), max(pair)) for pair in pairs]
        missing = [pair for pair in dict.fromkeys(ordered) if pair not in self._known]
        self._known.update(zip(missing, self._solved(missing), strict=True))
        if not ordered:
            return np.zeros((0, len(self.structure)))
        return np.stack([self._known[pair] for pair in ordered])

    def _solved(self, pairs: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
        """Nothing flows between kinds, so each is a problem of its own; problems of one size are solved together."""
        found = np.array([[_STAY * (self._total[i] + self._total[j])] * len(self.structure) for i, j in pairs])
        sizes: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        for n, (i, j) in enumerate(pairs):
            for name, one in self._parts[i].items():
                two = self._parts[j].get(name)
                if two is not None:
                    size = len(self._part[one][0]), len(self._part[two][0])
                    sizes.setdefault(size, []).append((n, one, two))
        for (size_, other), problems in sizes.items():
            chunk = max(_CHUNK // (size_ * other * len(self.structure)), 1)
            for start in range(0, len(problems), chunk):
                owner, first, second = np.array(problems[start : start + chunk]).T
                np.add.at(found, owner, self._saved(first, second))
        return np.maximum(found, 0.0)

    def _saved(self, one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sums of flow x (cost - twice the cost of staying) of pairs of parts of one size, (len(one), structure)."""
        (first, supply, place), (second, demand, other) = self._stacked(one), self._stacked(two)
        apart = np.zeros((*supply.shape, demand.shape[1]))
        for k in range(place.shape[2]):
            apart += np.abs(place[:, :, None, k] - other[:, None, :, k])
        apart /= place.shape[2]  # half the sum of two means over half of the columns each
        labels = self._penalty[first[:, :, None], second[:, None, :]]
        cost = np.concatenate([labels + nu * apart for nu in self.structure])
        times = (len(self.structure), 1)
        saved = partial_transport(cost, np.tile(supply, times), np.tile(demand, times), 2 * _STAY)
        return saved.reshape(len(self.structure), -1).T

    def _stacked(self, parts: NDArray[np.int64]) -> list[NDArray[Any]]:
        """Labels (p, n), masses (p, n) and places (p, n, k); each different part is read once."""
        different, position = np.unique(parts, return_inverse=True)
        return [np.stack(column)[position] for column in zip(*(self._part[part] for part in different))]
