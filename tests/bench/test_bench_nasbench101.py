from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from bench_tables import needs

from archwright.bench import Benchmark, load
from archwright.bench._nasbench101_cell import (
    OPERATIONS,
    PAIRS,
    as_arch,
    canonical,
    cell_space,
    graph,
    module_hash,
    pruned,
)
from archwright.errors import UserError
from archwright.space import Arch

table = needs("nasbench101.npz")
CONV3, CONV1, POOL = range(3)
INCEPTION = (  # the example of the published code: 2,694,282 parameters
    frozenset({(0, 1), (0, 2), (0, 3), (0, 5), (1, 6), (2, 6), (3, 4), (4, 6), (5, 6)}),
    (CONV1, CONV3, CONV3, CONV3, POOL),
)


@pytest.fixture(scope="module")
def benchmark() -> Benchmark:
    return load("nasbench101")


def relabelled(arch: Arch, rng: np.random.Generator) -> Arch:
    """The same cell with its inner vertices in another allowed order."""
    cell = pruned(arch)
    assert cell is not None
    edges, operations = cell
    inner = list(range(1, len(operations) + 1))
    for _ in range(200):
        number = {0: 0, len(inner) + 1: len(inner) + 1, **dict(zip(rng.permutation(inner).tolist(), inner))}
        moved = frozenset((number[i], number[j]) for i, j in edges)
        if all(i < j for i, j in moved):
            back = {new: old for old, new in number.items()}
            return as_arch((moved, tuple(operations[back[i] - 1] for i in inner)))
    return arch


def test_pruning_drops_dangling_vertices() -> None:
    arch = as_arch(INCEPTION)
    assert pruned(arch) == INCEPTION
    short = as_arch((frozenset({(0, 1), (1, 2)}), (POOL,)))
    dangling = short.replace({"edge03": 1, "edge45": 1, "edge56": 1, "op3": OPERATIONS[1]})
    assert pruned(dangling) == (frozenset({(0, 1), (1, 2)}), (POOL,))
    assert canonical(dangling) == short
    assert pruned(short.replace({"edge16": 0})) is None


def test_the_limit_of_edges_is_that_of_the_pruned_cell() -> None:
    space = cell_space()
    full = {f"edge{i}{j}": 1 for i, j in PAIRS}
    operations = {f"op{i}": OPERATIONS[0] for i in range(1, 6)}
    assert {**full, **operations} not in space
    assert as_arch(INCEPTION) in space
    assert as_arch(INCEPTION).replace({"edge12": 1}) not in space
    nothing = Arch({**dict.fromkeys(full, 0), **operations})
    assert nothing not in space
    many_but_dangling = nothing.replace({"edge06": 1, **{f"edge{i}{j}": 1 for i, j in PAIRS if i > 0 and j < 6}})
    assert many_but_dangling in space
    assert canonical(many_but_dangling) == nothing.replace({"edge06": 1})


def test_hash_and_canonical_form_do_not_see_the_order_of_vertices() -> None:
    rng, space = np.random.default_rng(0), cell_space()
    moved = 0
    for _ in range(200):
        arch = space.sample(rng)
        other = relabelled(arch, rng)
        moved += other != as_arch(pruned(arch))
        assert canonical(arch) == canonical(other) == canonical(canonical(arch))
        assert module_hash(pruned(arch)) == module_hash(pruned(other)) == module_hash(pruned(canonical(arch)))
    assert moved > 5


def test_all_cells_of_up_to_five_vertices_have_as_many_hashes_as_published() -> None:
    """2,532 cells of the table have at most 5 vertices, as in EC-NAS-Bench."""
    found = set()
    for n in range(2, 6):
        pairs = list(itertools.combinations(range(n), 2))
        for present in itertools.product((0, 1), repeat=len(pairs)):
            edges = frozenset(pair for pair, there in zip(pairs, present, strict=True) if there)
            drawn = nx.DiGraph(list(edges))
            drawn.add_nodes_from(range(n))
            on_the_way = {0, n - 1} | (nx.descendants(drawn, 0) & nx.ancestors(drawn, n - 1))
            if len(edges) <= 9 and nx.has_path(drawn, 0, n - 1) and len(on_the_way) == n:
                found |= {module_hash((edges, labels)) for labels in itertools.product(range(3), repeat=n - 2)}
    assert len(found) == 2532


def test_graph_of_a_cell() -> None:
    drawn = graph(as_arch(INCEPTION))
    assert drawn.nodes["input"]["op"] == "input"
    assert [drawn.nodes[str(i)]["op"] for i in (1, 5)] == ["conv1x1-bn-relu", "maxpool3x3"]
    assert set(drawn.predecessors("output")) == {"1", "2", "4", "5"}


@table
def test_facts(benchmark: Benchmark) -> None:
    assert len(benchmark) == 423_624
    arch, best = benchmark.best()
    assert best == pytest.approx(94.317575)
    assert benchmark.query(arch, "test_accuracy") == best
    assert benchmark.query(as_arch(INCEPTION), "params") == 2_694_282
    assert benchmark.query(as_arch((frozenset({(0, 1)}), ())), "params") == 882_570
    assert np.isfinite(benchmark.values("valid_accuracy", 4)).sum() == 20_001
    assert benchmark.seconds(benchmark.architectures()[0]) == pytest.approx(1768.976)


@table
def test_every_cell_has_one_code_and_every_code_its_row(benchmark: Benchmark) -> None:
    rows = benchmark._rows
    assert len(np.unique(rows._codes)) == len(benchmark)  # type: ignore[attr-defined]
    assert np.array_equal(np.sort(rows._order), np.arange(len(benchmark)))  # type: ignore[attr-defined]


@table
def test_rows_there_and_back(benchmark: Benchmark) -> None:
    everything = benchmark.architectures()
    for row in [*range(500), *np.random.default_rng(0).integers(len(benchmark), size=3000).tolist()]:
        arch = everything[row]
        assert benchmark.index(arch) == row


@pytest.mark.slow
@table
def test_all_rows_there_and_back(benchmark: Benchmark) -> None:
    assert all(benchmark.index(arch) == row for row, arch in enumerate(benchmark.architectures()))


@table
def test_rows_are_ordered_by_the_published_hash(benchmark: Benchmark) -> None:
    hashes = [module_hash(benchmark._rows.cell(row)) for row in range(0, len(benchmark), 500)]  # type: ignore[attr-defined]
    assert hashes == sorted(hashes)
    assert hashes[0] == "00005c142e6f48ac74fdcf73e3439874"


@table
def test_isomorphic_cells_share_a_row(benchmark: Benchmark) -> None:
    rng = np.random.default_rng(1)
    moved = 0
    for row in rng.integers(len(benchmark), size=100).tolist():
        arch = benchmark.architectures()[row]
        other = relabelled(arch, rng)
        moved += other != arch
        assert benchmark.index(other) == benchmark.index(canonical(arch)) == row
    assert moved > 30


@table
def test_every_random_cell_is_in_the_table(benchmark: Benchmark) -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        arch = benchmark.space.sample(rng)
        assert 0 <= benchmark.index(arch) < len(benchmark)
        assert 0 <= benchmark.index(benchmark.space.mutate(arch, rng)) < len(benchmark)


@table
def test_cells_outside_the_space(benchmark: Benchmark) -> None:
    with pytest.raises(UserError, match="connected_with_few_edges"):
        benchmark.index(as_arch(INCEPTION).replace({"edge12": 1}))
