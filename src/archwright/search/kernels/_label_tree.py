"""`LabelTree`: labels as leaves of a tree with lengths, and the tree-Wasserstein distance as an L1 distance."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from archwright.errors import UserError
from archwright.space import Ordinal, Real, Space

Path = Mapping[str, float]
"""Names and lengths of the edges from the root to a leaf; edges with one name are one edge."""

OTHER, EMPTY = "other", "empty"
_FAMILIES = ("conv", "pool", "skip")


@final
class LabelTree:
    """Supports of histograms as leaves of a rooted tree.

    The tree-Wasserstein distance of two histograms of mass 1 is the sum over edges e of
    length(e) |mass of one below e - mass of the other below e| (Le et al. 2019, "Tree-Sliced Variants of Wasserstein
    Distances", equation 2), the L1 distance of their `embedding`.

    A label without a leaf is at the leaf `other`, a histogram without mass at the leaf `empty`, both 1 below the root.

    Args:
        paths: label to the edges above it.
        ranges: a label `name=value` with one of these names is a leaf on a line: it is `span` x the position of its
            value on the (log) range away from the node `name`.
        span: length of such a line.
        stem: length of the edge above such a line.
    """

    def __init__(
        self, paths: Mapping[str, Path], *, ranges: Sequence[Real] = (), span: float = 0.0, stem: float = 0.0
    ) -> None:
        self.paths = {**paths, OTHER: {"/other": 1.0}, EMPTY: {"/empty": 1.0}}
        self._ranges, self._span, self._stem = {real.name: real for real in ranges}, span, stem
        names = {edge for path in self.paths.values() for edge in path}
        names |= {edge for name in self._ranges for edge in (f"/{name}", f"/{name}/line")}
        self._column = {edge: n for n, edge in enumerate(sorted(names))}
        self._rows = {label: self._row(path) for label, path in self.paths.items()}

    @property
    def size(self) -> int:
        """Number of edges."""
        return len(self._column)

    def embedding(self, mass: Mapping[str, float]) -> NDArray[np.float64]:
        """(size,): length x mass below, for each edge; `mass` need not sum to 1."""
        total = sum(mass.values())
        if not total:
            return self._rows[EMPTY]
        row = np.zeros(self.size)
        for label, weight in mass.items():
            row += (weight / total) * self._leaf(label)
        return row

    def distance(self, label: str, other: str) -> float:
        """Length of the way between two leaves."""
        return float(np.abs(self._leaf(label) - self._leaf(other)).sum())

    def _leaf(self, label: str) -> NDArray[np.float64]:
        if label in self._rows:
            return self._rows[label]
        name, _, value = label.rpartition("=")
        if name not in self._ranges:
            return self._rows[OTHER]
        position = self._span * self._ranges[name].position(float(value))
        return self._row({f"/{name}": self._stem, f"/{name}/line": position})

    def _row(self, path: Path) -> NDArray[np.float64]:
        row = np.zeros(len(self._column))
        for edge, length in path.items():
            row[self._column[edge]] = length
        return row


def flat(nested: Mapping[str, Any], above: str = "", path: Path | None = None) -> dict[str, Path]:
    """Paths from a nested form: `{"conv": [0.9, {"conv1x1": 0.1, "conv3x3": 0.1}], "pool": 1}`.

    Raises:
        UserError: neither a length nor a pair of a length and a mapping, a negative length, or a label twice.
    """
    found: dict[str, Path] = {}
    for name, value in nested.items():
        length, below = value if isinstance(value, (list, tuple)) and len(value) == 2 else (value, None)
        if not isinstance(length, (int, float)) or length < 0 or not isinstance(below, Mapping | None):
            raise UserError(f"tree: {name!r} must be a length or [length, {{label: ...}}], got {value!r}")
        here = {**(path or {}), f"{above}/{name}": float(length)}
        for label, edges in ({name: here} if below is None else flat(below, f"{above}/{name}", here)).items():
            if label in found:
                raise UserError(f"tree: {label!r} appears twice")
            found[label] = edges
    return found


def families(labels: Sequence[str]) -> dict[str, str]:
    """Label to family: `conv`, `pool` or `skip` if it is in the label, the name of the variable in `name=value`, else
    the label itself."""
    found = {}
    for label in labels:
        known = [family for family in _FAMILIES if family in label.lower() and "=" not in label]
        found[label] = known[0] if known else label.rpartition("=")[0] or label
    return found


def operation_tree(space: Space, labels: Sequence[str], alpha: float) -> LabelTree:
    """One branch a family: 1 - alpha to the family and alpha to the leaf, or 1 if it is alone.

    Options of an `Ordinal` and values of a `Real` are on a line of length 2 alpha (labels `name=value`).
    """
    family = families(labels)
    members = {f: [label for label in labels if family[label] == f] for f in family.values()}
    paths: dict[str, Path] = {}
    for label in labels:
        f = family[label]
        alone = len(members[f]) == 1
        paths[label] = {f"/{f}": 1.0} if alone else {f"/{f}": 1 - alpha, f"/{f}/{label}": alpha}
    for variable in space.variables:
        if isinstance(variable, Ordinal) and f"{variable.name}={variable.options[0]}" in paths:
            paths |= _line(variable, alpha)
    ranges = [variable for variable in space.variables if isinstance(variable, Real)]
    return LabelTree(paths, ranges=ranges, span=2 * alpha, stem=1 - alpha)


def _line(variable: Ordinal, alpha: float) -> dict[str, Path]:
    stem, step = {f"/{variable.name}": 1 - alpha}, 2 * alpha / max(len(variable.options) - 1, 1)
    return {
        f"{variable.name}={option}": stem | {f"/{variable.name}/{i}": step for i in range(rank)}
        for rank, option in enumerate(variable.options)
    }


def pair_paths(labels: Sequence[str], alpha: float) -> dict[str, Path]:
    """Paths of the pairs `a>b` of labels along edges, all below one node at distance 1 (sheet of TW-NAS, item 2).

    Two of one family: 1 - alpha to the family with itself, alpha (1 - alpha) to equal or different, alpha^2 to the
    leaf. Two of different families: 1 - alpha to the two families, alpha (1 - alpha) to their order, alpha^2 to the
    leaf. Levels with one leaf only are left out: the edge above reaches to it.
    """
    family = families(labels)
    count = {f: sum(g == f for g in family.values()) for f in family.values()}
    paths: dict[str, Path] = {}
    for a, b in itertools.product(labels, repeat=2):
        f, g = family[a], family[b]
        branch = "/pairs/" + "&".join(sorted({f, g}))
        twig = branch + (f"/{f}>{g}" if f != g else "/equal" if a == b else "/different")
        leaf = f"{twig}/{a}>{b}"
        if f == g and count[f] == 1:
            path = {branch: 1.0}
        elif count[f] == count[g] == 1:
            path = {branch: 1 - alpha, leaf: alpha}
        else:
            path = {branch: 1 - alpha, twig: alpha * (1 - alpha), leaf: alpha**2}
        paths[f"{a}>{b}"] = {"/pairs": 1.0, **path}
    return paths
