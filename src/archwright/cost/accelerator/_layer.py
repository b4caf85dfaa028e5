"""A layer as a loop nest over operands: what an accelerator sees of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

from archwright.errors import UserError

Loop = Literal["B", "G", "K", "C", "OY", "OX", "FY", "FX"]
Operand = Literal["W", "I", "O"]

OPERANDS: tuple[Operand, ...] = ("W", "I", "O")
LOOPS: tuple[Loop, ...] = ("B", "G", "K", "C", "OY", "OX", "FY", "FX")
RELEVANT: dict[Operand, frozenset[Loop]] = {
    "W": frozenset({"G", "K", "C", "FY", "FX"}),
    "I": frozenset({"B", "G", "C", "OY", "OX", "FY", "FX"}),
    "O": frozenset({"B", "G", "K", "OY", "OX"}),
}
"""Loops that choose another element of an operand; the input slides with OY + FY and OX + FX."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer:
    """`O[b,g,k,oy,ox] += W[g,k,c,fy,fx] * I[b,g,c,oy * sy + fy * dy, ox * sx + fx * dx]` over all loops.

    Padding is part of the input. A layer without weights (pooling, addition) has `weight_bits=0`.

    Args:
        B: batch.
        G: groups.
        K: output channels of a group.
        C: input channels of a group, summed.
        OY: output rows.
        OX: output columns.
        FY: rows of the kernel, summed.
        FX: columns of the kernel, summed.
        stride: (rows, columns).
        dilation: (rows, columns).
        weight_bits: of a weight; 0: there are none.
        input_bits: of an input.
        output_bits: of a finished output.
        partial_bits: of an unfinished sum.
        multiplies: whether a step is a multiply-accumulate; pooling and addition only add.
        name: for reports; layers that differ in nothing else are equal.

    Raises:
        UserError: a size or a number of bits below 1.
    """

    B: int = 1
    G: int = 1
    K: int = 1
    C: int = 1
    OY: int = 1
    OX: int = 1
    FY: int = 1
    FX: int = 1
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    weight_bits: int = 8
    input_bits: int = 8
    output_bits: int = 8
    partial_bits: int = 16
    multiplies: bool = True
    name: str = dataclasses.field(default="", compare=False)

    def __post_init__(self) -> None:
        numbers: list[tuple[str, int]] = [*self.sizes.items(), ("input_bits", self.input_bits)]
        numbers += [("output_bits", self.output_bits), ("partial_bits", self.partial_bits)]
        numbers += [("stride", min(self.stride)), ("dilation", min(self.dilation))]
        for name, value in numbers:
            if value < 1:
                raise UserError(f"{name} of a layer must be at least 1, got {value}")
        if self.weight_bits < 0:
            raise UserError(f"weight_bits of a layer must be at least 0, got {self.weight_bits}")

    @property
    def sizes(self) -> dict[Loop, int]:
        """Iterations of every loop."""
        return {
            "B": self.B, "G": self.G, "K": self.K, "C": self.C,
            "OY": self.OY, "OX": self.OX, "FY": self.FY, "FX": self.FX,
        }  # fmt: skip

    @property
    def operands(self) -> tuple[Operand, ...]:
        """Those it has."""
        return ("W", "I", "O") if self.weight_bits else ("I", "O")

    @property
    def steps(self) -> int:
        """Iterations of the whole nest."""
        return self.B * self.G * self.K * self.C * self.OY * self.OX * self.FY * self.FX

    @property
    def macs(self) -> int:
        """Multiply-accumulates; 0 for layers that only add."""
        return self.steps if self.multiplies else 0

    def elements(self, operand: Operand, tile: Mapping[Loop, int] | None = None) -> int:
        """Different elements of an operand that a part of the nest touches.

        Args:
            operand: which.
            tile: iterations of each loop, at most those of the layer; absent loops run once; None: the whole nest.
        """
        n = self.sizes if tile is None else {loop: min(tile.get(loop, 1), size) for loop, size in self.sizes.items()}
        if operand == "W":
            return n["G"] * n["K"] * n["C"] * n["FY"] * n["FX"]
        if operand == "O":
            return n["B"] * n["G"] * n["K"] * n["OY"] * n["OX"]
        rows = _window(n["OY"], n["FY"], self.stride[0], self.dilation[0])
        columns = _window(n["OX"], n["FX"], self.stride[1], self.dilation[1])
        return n["B"] * n["G"] * n["C"] * rows * columns

    def bits(self, operand: Operand, *, partial: bool = False) -> int:
        """Bits of an element; `partial`: of an unfinished output."""
        if operand == "O":
            return self.partial_bits if partial else self.output_bits
        return self.weight_bits if operand == "W" else self.input_bits


def _window(outputs: int, kernel: int, stride: int, dilation: int) -> int:
    """Inputs along one axis; those that a large stride skips are not fetched."""
    return min((outputs - 1) * stride + (kernel - 1) * dilation + 1, outputs * kernel)
