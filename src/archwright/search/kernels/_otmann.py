"""`Otmann`: networks compared by the transport of their computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np

from archwright.errors import UserError
from archwright.search.kernels._cell import Cell, cells, labels, sampled
from archwright.search.kernels._indexed import Indexed
from archwright.search.kernels._layers import Group, Layers, belongs, layers
from archwright.search.kernels._otmann_distance import OtmannDistance
from archwright.search.kernels._transport_kernel import TransportKernel
from archwright.space import Arch, Space

_FIRST = 24  # random architectures whose distances set the first length scales


@final
class Otmann(Indexed[Layers]):
    """k(a, b) = s exp(-sum_i d_i / l_i) + (1 - s) exp(-sum_i dbar_i^2 / m_i), d_i distances with structural weights.

    Kandasamy et al. (NeurIPS 2018, arXiv 1802.07191), section 3 and appendix; the kernel of their code. dbar = d / (all
    computation of a and b). Not positive definite in general: the matrix of the architectures of a Gaussian process is
    projected (`TransportKernel`).

    A vertex of `space.graph` is a layer; its number of outputs is in the attribute `units`. Cells of one graph are
    networks side by side. Without `units`, as in spaces of cells, layers that compute have `units` each.

    Args:
        space: where the architectures live.
        structure: weights of the differences of places, at least one, not negative.
        units: of a layer whose vertex says nothing, positive.

    Raises:
        UserError: a value out of range.
    """

    def __init__(
        self, space: Space, *, structure: Sequence[float] = (0.1, 0.25, 0.61, 1.5), units: float = 16.0
    ) -> None:
        super().__init__(space)
        if not structure or any(nu < 0 for nu in structure) or units <= 0:
            raise UserError(
                f"structure must be numbers from 0 on and units positive, got structure={structure!r}, units={units!r}"
            )
        self.units = units
        seen = sampled(space, _FIRST)
        self.groups = _groups(labels(space, seen))
        self.distance = OtmannDistance(structure)
        for found in seen:
            self.distance.add(self._layers(found))
        self._first = self._mean_distances(len(seen))

    def kernel(self) -> TransportKernel:
        return TransportKernel(self.distance, _FIRST, lengthscale=self._first).double()

    def distances(self, archs: Sequence[Arch], others: Sequence[Arch] | None = None) -> np.ndarray:
        """(structure, n, m), not normalised."""
        first = [int(n) + _FIRST for n in self.features(archs)[:, 0]]
        second = first if others is None else [int(n) + _FIRST for n in self.features(others)[:, 0]]
        found = self.distance.pairs([(i, j) for i in first for j in second])
        return found.T.reshape(-1, len(first), len(second))

    def _item(self, arch: Arch) -> Layers:
        network = self._layers(cells(self.space, arch))
        self.distance.add(network)
        return network

    def _layers(self, graph: Mapping[str, Cell]) -> Layers:
        return layers(graph, self.groups, self.units)

    def _mean_distances(self, count: int) -> list[float]:
        """Of d and of dbar^2, times their number."""
        pairs = [(i, j) for i in range(count) for j in range(i)]
        found = self.distance.pairs(pairs)
        total = np.array([self.distance.total(i) + self.distance.total(j) for i, j in pairs])
        means = [found.mean(0), ((found / total[:, None]) ** 2).mean(0)]
        return [max(float(mean) * found.shape[1], 1e-6) for mean in np.concatenate(means)]


def _groups(names: Sequence[str]) -> tuple[Group, ...]:
    """Those of multi-layer perceptrons where layers are called after activations, else those of convolutional ones."""
    perceptron = any(belongs(name, "rectifier") or belongs(name, "sigmoid") for name in names)
    return ("all", "rectifier", "sigmoid") if perceptron else ("all", "conv", "pool", "fc")
