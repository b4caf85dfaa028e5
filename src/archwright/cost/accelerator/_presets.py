"""Accelerators by name."""

from __future__ import annotations

import math

from archwright.cost.accelerator._accelerator import Accelerator, Axis
from archwright.cost.accelerator._layer import Operand
from archwright.cost.accelerator._memory import Flow, Memory, Port, flows
from archwright.registry import Registry

ACCELERATORS = Registry(
    "accelerator",
    {
        "eyeriss": "archwright.cost.accelerator._presets:eyeriss",
        "tpu-like": "archwright.cost.accelerator._presets:tpu_like",
    },
)

_FILLED: tuple[Flow, ...] = ("fill", "read")


def eyeriss() -> Accelerator:
    """Row-stationary array of 14 x 12 with energies a byte as in DNN-Chip Predictor (Zhao et al., ICASSP 2020).

    16-bit weights and activations, 24-bit sums, 250 MHz, a buffer of 128 KiB for inputs and sums; DRAM 100, buffer 3,
    network 1, registers 0.5 (sums 0.33) pJ a byte, 1 pJ a multiplication. Weights go from DRAM to the registers. The
    source does not limit any bandwidth, so only the array decides about latency.
    """

    def free(*given: tuple[tuple[Operand, Flow], ...]) -> tuple[Port, ...]:
        return tuple(Port(flows=f, width=math.inf, word=8) for f in given)

    def registers(name: str, size: int, operand: Operand, energy: float) -> Memory:
        held = flows(operand) if operand == "O" else flows(operand, only=_FILLED)
        return Memory(
            name=name,
            size=size,
            operands=(operand,),
            read=energy,
            write=energy,
            ports=free(held),
            hop=1.0,
        )

    both = ("rows", "columns")
    return Accelerator(
        name="eyeriss",
        axes=(Axis("rows", 12, ("FY", "C", "G", "K")), Axis("columns", 14, ("OY", "K", "G"))),
        memories=(
            registers("input registers", 24, "I", 0.5),
            registers("sum registers", 72, "O", 0.33),
            registers("weight registers", 448, "W", 0.5),
            Memory(
                name="buffer", size=2**17, operands=("I", "O"), read=3.0, write=3.0, spans=both,
                ports=free(flows("I", only=_FILLED), flows("O")),
            ),
            Memory(
                name="DRAM", size=math.inf, operands=("W", "I", "O"), read=100.0, write=100.0, spans=both,
                ports=free(flows("W", "I", "O")),
            ),
        ),
        mac=1.0,
        megahertz=250.0,
        weight_bits=16,
        activation_bits=16,
        partial_bits=24,
    )  # fmt: skip


def tpu_like() -> Accelerator:
    """Weight-stationary array of 32 x 32 8-bit multipliers, figures of ZigZag's `tpu_like` (Mei et al., 2021).

    Registers of 128 B for weights and 2 B for sums, a memory of 2 MB for inputs and sums (416.16 and 378.4 pJ for 2048
    bits), DRAM of 64 bits a cycle in all (700 and 750 pJ), 0.04 pJ a multiplication. No clock is given; here 250 MHz.
    """
    both = ("columns", "rows")
    sums = [Port(flows=(("O", flow),), width=16) for flow in ("read", "drain", "fill", "store")]
    return Accelerator(
        name="tpu-like",
        axes=(Axis("columns", 32, ("K", "G")), Axis("rows", 32, ("C",))),
        memories=(
            Memory(
                name="weight registers", size=128, operands=("W",), read=0.095, write=0.095,
                ports=(Port(flows=(("W", "read"),), width=8), Port(flows=(("W", "fill"),), width=8)),
            ),
            Memory(name="sum registers", size=2, operands=("O",), read=0.021, write=0.021, ports=tuple(sums)),
            Memory(
                name="SRAM", size=2**21, operands=("I", "O"), read=416.16, write=378.4, spans=both,
                ports=(
                    Port(flows=(("I", "read"), ("O", "read"), ("O", "drain")), width=2048, granule=64),
                    Port(flows=(("I", "fill"), ("O", "fill"), ("O", "store")), width=2048, granule=64),
                ),
            ),
            Memory(
                name="DRAM", size=math.inf, operands=("W", "I", "O"), read=700.0, write=750.0, spans=both,
                ports=(Port(flows=flows("W", "I", "O"), width=64),),
            ),
        ),
        mac=0.04,
        megahertz=250.0,
    )  # fmt: skip
