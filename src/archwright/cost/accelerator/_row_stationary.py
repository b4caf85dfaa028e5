"""Closed formula of a row-stationary array, as the predictor of Eyeriss behind HW-NAS-Bench is released."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

from archwright.cost.accelerator._layer import Layer
from archwright.errors import Infeasible

_UNITS, _ROW, _WEIGHTS, _OUTPUTS, _BUFFER = 168, 12, 192, 16, 65536
_MEGAHERTZ = 250.0
_MAC, _DRAM, _TO_BUFFER, _BUFFERED, _NETWORK, _REGISTER = 1.0, 0.3, 0.5, 0.5, 2.0, 2.0  # pJ, of 16 bits


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RowStationary:
    """A tiling: output channels, input channels and output rows at register, array, buffer and DRAM.

    Args:
        outputs: factors of the output channels, from registers to DRAM; their product is all of them.
        inputs: factors of the input channels, registers, array and buffer.
        rows: output rows in the array, and passes over them.
        cycles: of the layer.
        energy_pj: of the layer.
        units: busy units.
    """

    outputs: tuple[int, int, int, int]
    inputs: tuple[int, int, int]
    rows: tuple[int, int]
    cycles: int
    energy_pj: float
    units: int

    @property
    def latency_ms(self) -> float:
        """At 250 MHz."""
        return self.cycles / _MEGAHERTZ * 1e-3


def row_stationary(layer: Layer, *, goal: str = "compromise") -> RowStationary:
    """The best tiling of a layer on 14 x 12 units (Chen et al., ISCA 2016; DNN-Chip Predictor, ICASSP 2020).

    Cycles are the product of all loops that do not run in the array: a column keeps rows of a filter, so kernel rows,
    and some of output channels, input channels and output rows run in parallel. It reproduces the released figures; its
    energies of DRAM (0.3 pJ for 16 bits) and registers (2 pJ) are upside down, `eyeriss` has the usual order.

    Args:
        layer: one image; the release takes pooling for a convolution with K and C and without multiplications.
        goal: `latency`, or `compromise`: energy and latency above their least, each relative to its largest, in sum.

    Raises:
        Infeasible: no tiling fits the registers and the buffer.
    """
    found = list(_tilings(layer))
    if not found:
        raise Infeasible(f"no row-stationary tiling of {layer} fits 14 x 12 units")
    if goal == "latency":
        return min(found, key=lambda t: (t.cycles, t.energy_pj))
    energies, times = [t.energy_pj for t in found], [t.cycles for t in found]

    def regret(t: RowStationary) -> float:
        return (t.energy_pj - min_energy) / max(energies) + (t.cycles - min_time) / max(times)

    min_energy, min_time = min(energies), min(times)
    return min(found, key=regret)


def _tilings(layer: Layer) -> Iterator[RowStationary]:
    stride = layer.stride[0]
    for m0, m1, m2, m3 in _products(layer.K, 4):
        for c0, c1, c2 in _products(layer.C, 3):
            if m0 > _OUTPUTS or c0 * layer.FX >= _ROW or m0 * c0 * layer.FX >= _WEIGHTS:
                continue
            for e1, e3 in _products(layer.OY, 2):
                units = m1 * c1 * e1 * layer.FY
                window = ((e1 - 1) * stride + layer.FY) * ((layer.OX - 1) * stride + layer.FX)
                buffered = c1 * c0 * window + m2 * m1 * m0 * e1 * layer.OX
                if units >= _UNITS or buffered >= _BUFFER or (e1 == 1 and layer.OY > 1):
                    continue
                outputs, inputs, rows = (m0, m1, m2, m3), (c0, c1, c2), (e1, e3)
                yield RowStationary(
                    outputs=outputs,
                    inputs=inputs,
                    rows=rows,
                    cycles=m3 * m2 * m0 * c2 * c0 * e3 * layer.OX * layer.FX,
                    energy_pj=_energy(layer, outputs, inputs, rows),
                    units=units,
                )


def _energy(
    layer: Layer, outputs: tuple[int, int, int, int], inputs: tuple[int, int, int], rows: tuple[int, int]
) -> float:
    """Words moved at each level times their energies; inputs counted without padding."""
    m0, m1, m2, m3 = outputs
    c0, c1, c2 = inputs
    height, width = layer.OY * layer.stride[0], layer.OX * layer.stride[1]
    i, w, o = height * width * layer.C, layer.K * layer.C * layer.FY * layer.FX, layer.elements("O")
    reuse = m3 * m2 * m1 * layer.FY * layer.OY / height
    dram = m3 * i + rows[1] * w + o
    buffered = m3 * m2 * i + max(2 * (c2 - 1), 1) * o
    network = reuse * i + rows[1] * rows[0] * w + max(c2 * (c1 * layer.FY - 1), 1) * o
    registers = reuse * m0 * layer.FX * layer.OX / width * i + layer.OY * layer.OX * w
    registers += max(c2 * c1 * layer.FY * (c0 * layer.FX - 1) * 2, 1) * o
    computing = layer.macs * _MAC + network * _NETWORK + registers * _REGISTER
    return computing + dram * _DRAM + (m3 * i + o) * _TO_BUFFER + buffered * _BUFFERED


def _products(n: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to write `n` as an ordered product."""
    divisors = [d for d in range(1, n + 1) if n % d == 0]
    for head in itertools.product(divisors, repeat=parts - 1):
        rest = n
        for d in head:
            if rest % d:
                break
            rest //= d
        else:
            yield (*head, rest)
