"""Energy and cycles of layers whose answers are known by hand or from published models."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archwright.cost.accelerator import (
    Accelerator,
    Axis,
    Layer,
    LayerCost,
    Mapping,
    Memory,
    Port,
    evaluate,
    eyeriss,
    flows,
    roofline,
    row_stationary,
    search,
    tpu_like,
    unroll,
)
from archwright.cost.accelerator._latency import Activity, stall, union
from archwright.cost.accelerator._search import factors, orders
from archwright.errors import Infeasible, UserError

CONV = Layer(K=16, C=16, OY=32, OX=32, FY=3, FX=3)
DEEP = Layer(K=64, C=64, OY=8, OX=8, FY=3, FX=3)
GEMM = Layer(B=128, C=128, K=128, partial_bits=32)


def cube(first_sums: bool = True) -> Accelerator:
    """8 x 8 x 8 multipliers, 64 sums in registers, one memory: `gemm_l1` of ZigZag."""
    registers = Memory(
        name="registers",
        size=4,
        operands=("O",),
        read=0.02,
        write=0.02,
        spans=("D2",),
        ports=tuple(Port(flows=flows("O", only=(flow,)), width=32) for flow in ("fill", "read", "store", "drain")),
    )
    memory = Memory(
        name="L1",
        size=2**19,
        operands=("W", "I", "O"),
        read=22.9,
        write=52.01,
        spans=("D1", "D2", "D3"),
        ports=(
            Port(flows=flows("I"), width=512, granule=64),
            Port(flows=flows("W"), width=512, granule=64),
            Port(flows=flows("O"), width=2048, granule=64),
        ),
    )
    axes = (Axis("D1", 8, ("B",)), Axis("D2", 8, ("C",)), Axis("D3", 8, ("K",)))
    return Accelerator(
        name="cube", axes=axes, memories=(registers, memory), mac=0.04, megahertz=1000, first_sums=first_sums
    )


def gemm(first_sums: bool = True) -> LayerCost:
    """Order inner to outer: K, C, B."""
    mapping = Mapping(
        spatial=(("D1", "B", 8), ("D2", "C", 8), ("D3", "K", 8)),
        temporal=(("K", 16), ("C", 16), ("B", 16)),
        levels=(("W", (3,)), ("I", (3,)), ("O", (0, 3))),
    )
    return evaluate(GEMM, cube(first_sums), mapping)


def test_gemm_by_hand() -> None:
    found = gemm()
    assert found.mac_pj == pytest.approx(83_886.08)
    assert {(o, name): pj for o, name, pj in found.memory_pj} == {
        ("W", "L1"): pytest.approx(93_798.4),
        ("I", "L1"): pytest.approx(5_862.4),
        ("O", "L1"): pytest.approx(306_831.36),
        ("O", "registers"): pytest.approx(20_971.52),
    }
    assert found.energy_pj == pytest.approx(511_349.76, abs=1e-6)
    assert (found.ideal_cycles, found.cycles.total) == (4096, 8191)
    times = {(t.operand, t.flow): t.times for t in found.transfers if t.memory == 1}
    assert times == {("W", "read"): 4096, ("I", "read"): 256, ("O", "read"): 4096, ("O", "store"): 4096}


def test_first_sums_need_not_be_read() -> None:
    found = gemm(first_sums=False)
    assert {t.times for t in found.transfers if t.memory == 1 and t.operand == "O" and t.flow == "read"} == {3840}
    l1 = [sum(pj for o, name, pj in cost.memory_pj if (o, name) == ("O", "L1")) for cost in (gemm(), found)]
    assert l1[0] - l1[1] == pytest.approx(256 * 22.9)


@pytest.mark.parametrize(
    ("layer", "traffic", "ideal", "computing", "published"),
    [
        (CONV, {"W": 2304, "I": 18_496, "O": 16_384}, 2304, 9216, 11_560),
        (DEEP, {"W": 36_864, "I": 6_400, "O": 4_096}, 2304, 2304, 5_183),
    ],
)
def test_off_chip_traffic_of_convolutions(
    layer: Layer, traffic: dict[str, int], ideal: int, computing: int, published: int
) -> None:
    found = search(layer, tpu_like(), "latency")
    assert {operand: found.off_chip_bytes(operand) for operand in layer.operands} == traffic
    assert (found.ideal_cycles, found.cycles.computing) == (ideal, computing)
    assert found.cycles.total == pytest.approx(published, rel=0.2)
    assert found.bound_cycles <= found.cycles.total


def test_a_bus_is_a_bound_of_the_second_convolution() -> None:
    """ZigZag's 5,183 cycles would need more than 64 bits a cycle for 47,360 bytes."""
    assert roofline(DEEP, tpu_like()) == (36_864 + 6_400 + 4_096) // 8 == 5_920


@pytest.mark.parametrize("operand", ["W", "O"])
def test_energies_of_zigzag(operand: str) -> None:
    """Its figures for the first convolution, where the input is counted without padding, first sums being read."""
    chip = dataclasses.replace(tpu_like(), first_sums=True)
    found = search(CONV, chip, "energy").memory_pj
    assert [pj for o, _, pj in found if o == operand] == pytest.approx(
        {"W": [224_352.0, 201_600.0], "O": [104_595.456, 50_851.84, 1_536_000.0]}[operand]
    )


POOL = dataclasses.replace(CONV, multiplies=False, weight_bits=0)
POINT = Layer(K=16, C=16, OY=32, OX=32)


@pytest.mark.parametrize(
    ("layer", "goal", "cycles", "units", "energy"),
    [
        (CONV, "latency", 24_576, 96, 0.0196631296),
        (CONV, "compromise", 24_576, 96, 0.0196631296),
        (POOL, "compromise", 24_576, 96, 0.0173038336),
        (POINT, "compromise", 4_096, 64, 0.0017384192),
        (POINT, "latency", 2_048, 128, None),
    ],
)
def test_row_stationary_formula(layer: Layer, goal: str, cycles: int, units: int, energy: float | None) -> None:
    """Cycles, active units and millijoules that the released predictor prints."""
    found = row_stationary(layer, goal=goal)
    assert (found.cycles, found.units) == (cycles, units)
    assert found.latency_ms == pytest.approx(cycles / 250e3)
    if energy is not None:
        assert found.energy_pj * 1e-9 == pytest.approx(energy)


def test_depthwise_starves_an_array_unrolled_over_input_channels() -> None:
    depthwise = Layer(G=64, OY=16, OX=16, FY=3, FX=3)
    assert search(depthwise, tpu_like()).utilisation < 1 / 32 < search(DEEP, tpu_like()).utilisation


def test_memory_that_holds_nothing_is_named() -> None:
    small = dataclasses.replace(tpu_like().memories[1], size=1)
    chip = tpu_like()
    with pytest.raises(Infeasible, match="sum registers"):
        search(CONV, dataclasses.replace(chip, memories=(chip.memories[0], small, *chip.memories[2:])))


def test_double_buffering_takes_room_and_spares_waiting() -> None:
    chip = tpu_like()
    registers = dataclasses.replace(chip.memories[1], size=4, double_buffered=True)
    assert registers.room == 16
    doubled = dataclasses.replace(chip, memories=(chip.memories[0], registers, *chip.memories[2:]))
    assert search(CONV, doubled).cycles.total <= search(CONV, chip).cycles.total


def test_mistakes_are_named() -> None:
    with pytest.raises(UserError, match="K of a layer must be at least 1, got 0"):
        Layer(K=0)
    with pytest.raises(UserError, match="unknown goal 'speed'"):
        search(CONV, tpu_like(), "speed")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="lpf_limit"):
        search(CONV, tpu_like(), lpf_limit=0)
    with pytest.raises(UserError, match="unlimited"):
        Port(flows=flows("I"), width=math.inf)
    with pytest.raises(UserError, match="more than one port"):
        Memory(
            name="m",
            size=1,
            operands=("I",),
            read=1,
            write=1,
            ports=(Port(flows=flows("I"), width=1),) * 2,
        )
    with pytest.raises(Infeasible, match="loop C runs 8 times"):
        evaluate(GEMM, cube(), dataclasses.replace(gemm().mapping, temporal=(("K", 16), ("B", 16)), levels=()))
    with pytest.raises(Infeasible, match="16 units of axis D1"):
        evaluate(GEMM, cube(), dataclasses.replace(gemm().mapping, spatial=(("D1", "B", 16),)))
    levels = (("W", (3,)), ("I", (3,)), ("O", (2, 1)))
    with pytest.raises(UserError, match="levels of O"):
        evaluate(GEMM, cube(), dataclasses.replace(gemm().mapping, levels=levels))


# parts ----------------------------------------------------------------------------------------------------------------


def test_orders_are_all_and_different() -> None:
    parts = factors({"OX": 4, "K": 3, "C": 1}, 6)
    assert parts == [(("OX", 2),), (("OX", 2),), (("K", 3),)]
    assert len(list(orders(parts))) == len(set(orders(parts))) == 3
    assert factors({"OX": 8, "K": 3}, 3) == [(("OX", 2),), (("OX", 4),), (("K", 3),)]
    together = factors({"FX": 3, "FY": 3, "OX": 8, "OY": 8, "K": 2, "C": 2}, 4)
    assert len(together) == 4
    assert (("FY", 3), ("FX", 3)) in together or (("FX", 3), ("FY", 3)) in together


def test_unrolling_is_even() -> None:
    assert unroll(Layer(K=48, C=5), tpu_like()) == (("columns", "K", 24), ("rows", "C", 5))
    assert unroll(CONV, eyeriss()) == (("rows", "FY", 3), ("rows", "C", 4), ("columns", "OY", 11))


periods = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@given(steps=periods, data=st.data())
def test_union_is_that_of_the_cycles(steps: list[int], data: st.DataObject) -> None:
    total = math.prod(steps)
    activities, period = [], 1
    for n in steps:
        period *= n
        activities.append(Activity(0, data.draw(st.integers(0, period)), period, total // period))
    open_cycles = {t for t in range(total) if any(t % a.period >= a.period - a.window for a in activities)}
    assert union(activities, total) == len(open_cycles)


def test_stalls() -> None:
    alone = Activity(needed=3, window=2, period=4, times=5)
    assert stall([alone], 24) == 5
    assert stall([dataclasses.replace(alone, needed=2)], 24) == 0
    assert stall([Activity(1, 1, 1, 4095), Activity(1, 1, 1, 4095)], 4096) == 4094


LAYERS = st.builds(
    Layer,
    G=st.sampled_from([1, 3]),
    K=st.sampled_from([1, 5, 16]),
    C=st.sampled_from([1, 3, 8]),
    OY=st.sampled_from([1, 7, 8]),
    OX=st.sampled_from([1, 4]),
    FY=st.sampled_from([1, 3]),
    stride=st.sampled_from([(1, 1), (2, 2)]),
    weight_bits=st.sampled_from([0, 8]),
)


@settings(max_examples=15, deadline=None)
@given(layer=LAYERS, chip=st.sampled_from([tpu_like(), eyeriss()]))
def test_no_mapping_beats_the_bounds(layer: Layer, chip: Accelerator) -> None:
    found = search(layer, chip, lpf_limit=4)
    assert found.cycles.total >= found.bound_cycles >= found.ideal_cycles > 0
    assert 0 < found.utilisation <= 1
    for operand in layer.operands:
        assert found.off_chip_bytes(operand) * 8 >= layer.elements(operand) * layer.bits(operand)
    fast, frugal = (search(layer, chip, goal, lpf_limit=4) for goal in ("latency", "energy"))
    assert fast.cycles.total <= found.cycles.total
    assert frugal.energy_pj <= found.energy_pj
