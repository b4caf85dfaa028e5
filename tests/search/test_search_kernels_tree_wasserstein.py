"""Tree-Wasserstein distances against linear programs and published figures."""

from __future__ import annotations

import time

import networkx as nx
import numpy as np
import ot
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from archwright import zoo
from archwright.bench._nasbench101_cell import cell_space
from archwright.errors import UserError
from archwright.search.kernels._label_tree import LabelTree, flat, pair_paths
from archwright.search.kernels._tree_wasserstein import TreeWasserstein
from archwright.space import Arch, Choice, Ordinal, Real, Space

ALPHA = 0.1
PUBLISHED = {"conv": [0.9, {"conv1x1": 0.1, "conv3x3": 0.1}], "pool": 1, "skip": 1}
LABELS = ("conv1x1", "conv3x3", "pool", "skip")


def of_zoo(name: str) -> Space:
    return zoo.build(name, in_channels=3, classes=10, image_size=32).space


def apart(tree: LabelTree, one: list[float], two: list[float]) -> float:
    first, second = (tree.embedding(dict(zip(LABELS, masses))) for masses in (one, two))
    return float(np.abs(first - second).sum())


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ([2, 2, 1, 1], [1, 4, 0, 1], 0.366667),
        ([3, 1, 1, 1], [1, 3, 1, 1], 0.066667),
        ([6, 0, 0, 0], [0, 0, 3, 3], 2.0),
    ],
)
def test_published_histograms(one: list[float], two: list[float], expected: float) -> None:
    tree = LabelTree(flat(PUBLISHED))
    assert apart(tree, one, two) == pytest.approx(expected, abs=1e-6)
    ground = np.array([[0, 0.2, 2, 2], [0.2, 0, 2, 2], [2, 2, 0, 2], [2, 2, 2, 0]])
    direct = ot.emd2(np.array(one) / 6, np.array(two) / 6, ground)
    assert apart(tree, one, two) == pytest.approx(direct, abs=1e-9)


def test_random_trees_against_a_linear_program() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        tree = nx.random_labeled_tree(int(rng.integers(2, 20)), seed=rng)
        length = {tuple(sorted(e)): rng.random() for e in tree.edges}
        way = nx.single_source_shortest_path(tree, 0)
        edges = {v: [tuple(sorted(e)) for e in nx.utils.pairwise(way[v])] for v in tree}
        paths = {str(v): {str(e): length[e] for e in edges[v]} for v in tree}
        ground = [[sum(length[e] for e in set(edges[v]) ^ set(edges[w])) for w in tree] for v in tree]
        one, two = rng.dirichlet(np.full(len(tree), 0.5)), rng.dirichlet(np.full(len(tree), 0.5))
        embedded = LabelTree(paths)
        first, second = (embedded.embedding(dict(zip(map(str, tree), mass))) for mass in (one, two))
        assert np.abs(first - second).sum() == pytest.approx(ot.emd2(one, two, np.array(ground)), abs=1e-9)


def test_degrees_of_the_inception_cell_against_a_chain() -> None:
    space = cell_space()
    edges = {(0, 1), (0, 2), (0, 3), (0, 5), (1, 6), (2, 6), (3, 4), (4, 6), (5, 6)}
    inception = _cell101(space, edges)
    chain = _cell101(space, {(0, 1), (1, 2), (2, 3), (3, 6)})
    _, into, out = TreeWasserstein(space).distances([inception], [chain]).flatten()
    assert float(into) == pytest.approx(1 / 9, abs=1e-6)
    assert float(out) == pytest.approx(0.107407, abs=1e-6)


def _cell101(space: Space, edges: set[tuple[int, int]]) -> Arch:
    values = {v.name: v.options[0] for v in space.variables}
    return space.arch(values | {f"edge{i}{j}": 1 for i, j in edges})


def test_degrees_against_transport_on_the_line() -> None:
    space = of_zoo("nasbench201")
    rng = np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(40)]
    found = TreeWasserstein(space).distances(archs[:20], archs[20:])
    for n in range(20):
        for degree, row in (("in_degree", found[1]), ("out_degree", found[2])):
            (x, a), (y, b) = (_degrees(space.graph(arch), degree) for arch in (archs[n], archs[20 + n]))
            assert float(row[n, n]) == pytest.approx(ot.wasserstein_1d(x, y, a, b), abs=1e-9)


def _degrees(graph: nx.DiGraph, degree: str) -> tuple[np.ndarray, np.ndarray]:
    layer = nx.single_source_shortest_path_length(graph, "input")
    depth = 1 + max(layer.values())
    mass = np.array([getattr(graph, degree)[v] for v in layer], dtype=float)
    mass = mass if mass.any() else np.ones(len(mass))
    return np.array([n / depth for n in layer.values()]), mass / mass.sum()


def test_all_none_has_a_defined_distance() -> None:
    space = of_zoo("nasbench201")
    nothing = space.arch(dict.fromkeys(space.names, "none"))
    full = space.arch(dict.fromkeys(space.names, "nor_conv_3x3"))
    operations, *_ = TreeWasserstein(space, grams=1).distances([nothing], [full]).flatten()
    assert float(operations) == pytest.approx(2.0)
    assert TreeWasserstein(space).distances([nothing]).abs().sum() == 0


def test_none_edges_and_idle_vertices_do_not_count() -> None:
    """An operation between two vertices that nothing reaches is not part of the cell."""
    space = of_zoo("nasbench201")
    base = dict.fromkeys(space.names, "none") | {"edge03": "nor_conv_3x3"}
    with_idle = base | {"edge12": "avg_pool_3x3"}
    assert TreeWasserstein(space).distances([space.arch(base)], [space.arch(with_idle)]).sum() == 0


def test_ground_distances_of_pairs() -> None:
    tree = LabelTree(pair_paths(("nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "skip_connect"), ALPHA))
    one, three, pool, skip = "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "skip_connect"
    a, b = ALPHA * (1 - ALPHA), ALPHA**2
    assert tree.distance(f"{one}>{one}", f"{three}>{three}") == pytest.approx(2 * b)  # equal kernels
    assert tree.distance(f"{one}>{one}", f"{one}>{three}") == pytest.approx(2 * (a + b))  # equal against different
    assert tree.distance(f"{one}>{pool}", f"{three}>{pool}") == pytest.approx(2 * b)
    assert tree.distance(f"{one}>{pool}", f"{pool}>{one}") == pytest.approx(2 * (a + b))
    assert tree.distance(f"{skip}>{pool}", f"{pool}>{skip}") == pytest.approx(2 * ALPHA)
    assert tree.distance(f"{skip}>{skip}", f"{pool}>{pool}") == pytest.approx(2.0)
    assert tree.distance(f"{one}>{one}", f"{skip}>{skip}") == pytest.approx(2.0)


def test_pairs_by_hand() -> None:
    """conv > pool against pool > conv, each on the way from input to output: 5 grams with ends, 3 without.

    Without ends the pairs differ in their order alone; with them, `input>conv`, `conv>output` and the like differ too,
    which share a branch above no leaf of the other.
    """
    space = of_zoo("nasbench201")
    base = dict.fromkeys(space.names, "none")
    one = space.arch(base | {"edge01": "nor_conv_3x3", "edge13": "avg_pool_3x3"})
    two = space.arch(base | {"edge01": "avg_pool_3x3", "edge13": "nor_conv_3x3"})
    apart = [
        float(TreeWasserstein(space, grams=2, ends=ends, alpha=ALPHA).distances([one], [two])[0])
        for ends in (False, True)
    ]
    order = 2 * (ALPHA * (1 - ALPHA) + ALPHA**2)
    assert apart[0] == pytest.approx(order / 3)
    conv = 2 * (1 - ALPHA + ALPHA * (1 - ALPHA) + ALPHA**2)  # `input>conv` and `conv>output` are in two branches
    pool = 2 * (1 - ALPHA + ALPHA)
    assert apart[1] == pytest.approx((order + conv + pool) / 5)


def test_many_labels() -> None:
    """Pairs of a space with more labels than get all their pairs: those that were sampled have leaves."""
    space = of_zoo("convnet")
    assert TreeWasserstein(space).grams == 1
    kernel, rng = TreeWasserstein(space, grams=2), np.random.default_rng(0)
    assert kernel.pairs is not None
    assert 100 < len(kernel.pairs.paths) < 2000
    x = kernel.features([space.sample(rng) for _ in range(50)])
    assert torch.linalg.eigvalsh(kernel.kernel()(x).to_dense().detach())[0] > -1e-10


@pytest.mark.parametrize("grams", [1, 2])
@pytest.mark.parametrize("name", ["nasbench201", "darts"])
def test_gram_matrices_are_positive_semidefinite(name: str, grams: int) -> None:
    space, rng = of_zoo(name), np.random.default_rng(0)
    kernel = TreeWasserstein(space, grams=grams)
    x = kernel.features([space.sample(rng) for _ in range(500)])
    gram = kernel.kernel()(x).to_dense().detach()
    assert torch.linalg.eigvalsh(gram)[0] > -1e-10
    assert torch.allclose(gram.diagonal(), torch.ones(500, dtype=torch.float64))


def test_random_histograms_are_positive_semidefinite() -> None:
    tree, rng = LabelTree(flat(PUBLISHED)), np.random.default_rng(0)
    rows = np.stack([tree.embedding(dict(zip(LABELS, rng.dirichlet(np.ones(4))))) for _ in range(300)])
    gram = np.exp(-np.abs(rows[:, None] - rows[None]).sum(-1) / 0.3)
    assert np.linalg.eigvalsh(gram)[0] > -1e-10


def test_cells_of_two_types_are_told_apart() -> None:
    """Exchanging the normal and the reduction cell of DARTS is another network."""
    space, rng = of_zoo("darts"), np.random.default_rng(0)
    arch = space.sample(rng)
    other = {"normal": "reduce", "reduce": "normal"}
    swapped = space.arch({f"{other[n.partition('.')[0]]}.{n.partition('.')[2]}": v for n, v in arch.items()})
    assert float(TreeWasserstein(space).distances([arch], [swapped])[0]) > 0.01


def test_isomorphic_cells_have_distance_zero() -> None:
    space = cell_space()
    rng = np.random.default_rng(0)
    kernel = TreeWasserstein(space, grams=2)
    archs = [space.sample(rng) for _ in range(20)]
    found = kernel.distances(archs, [space.canonical(arch) for arch in archs])
    assert found.sum(0).diagonal().abs().max() < 1e-12


def test_chains_compare_variables_by_rank_and_position() -> None:
    space = Space([Ordinal("width", (16, 32, 64)), Real("rate", 1e-4, 1.0, log=True), Choice("op", ("a", "b", "c"))])
    chosen = [(16, 1e-4, "a"), (32, 1e-4, "a"), (64, 1e-4, "a"), (16, 1.0, "a"), (16, 1e-2, "a"), (16, 1e-4, "c")]
    archs = [space.arch({"width": width, "rate": rate, "op": op}) for width, rate, op in chosen]
    operations = TreeWasserstein(space, alpha=ALPHA).distances(archs)[0, 0] * 3 / (2 * ALPHA)
    assert operations.tolist() == pytest.approx([0, 0.5, 1, 1, 0.5, 1])


def test_features_are_remembered_and_the_same_in_another_instance() -> None:
    space, rng = of_zoo("nasbench201"), np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(20)]
    kernel = TreeWasserstein(space)
    x = kernel.features(archs)
    kernel.features([space.sample(rng) for _ in range(50)])
    assert torch.equal(kernel.features(archs), x)
    assert torch.equal(TreeWasserstein(space).features(archs[::-1]).flip(0), x)


def test_features_are_quick() -> None:
    space, rng = of_zoo("nasbench201"), np.random.default_rng(0)
    kernel, archs = TreeWasserstein(space), [space.sample(rng) for _ in range(1000)]
    start = time.process_time()
    kernel.features(archs)
    assert time.process_time() - start < 1.0
    start = time.process_time()
    kernel.features(archs)
    assert time.process_time() - start < 0.05


def test_published_bounds() -> None:
    space = of_zoo("nasbench201")
    bounds = ((1e-3, 0.1), (1e-3, 0.2), (1e-3, 0.2))
    kernel = TreeWasserstein(space, bounds=bounds).kernel()
    assert ((kernel.lengthscale > 1e-3) & (kernel.lengthscale < torch.tensor([0.1, 0.2, 0.2]))).all()


@given(st.lists(st.floats(0, 1), min_size=8, max_size=8).filter(lambda m: sum(m[:4]) > 0.01 and sum(m[4:]) > 0.01))
def test_a_distance_of_histograms_is_a_metric(masses: list[float]) -> None:
    tree, third = LabelTree(flat(PUBLISHED)), [1.0, 1.0, 1.0, 1.0]
    one, two = masses[:4], masses[4:]
    assert apart(tree, one, two) == apart(tree, two, one)
    assert 0 <= apart(tree, one, two) <= apart(tree, one, third) + apart(tree, third, two) + 1e-12


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"grams": 3}, "grams must be 1 or 2, got 3"),
        ({"alpha": 1.5}, "alpha must be between 0 and 1, got 1.5"),
        ({"tree": {"conv": -1}}, "tree: 'conv' must be a length"),
        ({"tree": {"a": 1, "f": [1, {"a": 1}]}}, "tree: 'a' appears twice"),
        ({"bounds": ((0.1, 0.2),)}, "bounds must be three pairs"),
    ],
)
def test_bad_settings(settings: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said.replace("(", r"\(")):
        TreeWasserstein(Space([Choice("op", ("a", "b"))]), **settings)  # type: ignore[arg-type]
