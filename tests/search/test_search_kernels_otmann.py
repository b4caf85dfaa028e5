"""OTMANN against published distances, its definition as a linear program, and the axioms of a pseudo-metric."""

from __future__ import annotations

import copy

import networkx as nx
import numpy as np
import ot
import pytest
import torch
from scipy.optimize import linprog

from archwright import zoo
from archwright.errors import UserError
from archwright.search.kernels._cell import Cell, cells
from archwright.search.kernels._layers import Layers, layers, penalty
from archwright.search.kernels._otmann import Otmann
from archwright.search.kernels._otmann_distance import OtmannDistance
from archwright.search.kernels._partial_transport import partial_transport
from archwright.search.kernels._transport_kernel import positive
from archwright.space import Arch, Choice, Ordinal, Space

MLP = ("all", "rectifier", "sigmoid")
NU = (0.1, 0.5)


def network(vertices: list[tuple[str, int]], edges: list[tuple[int, int]]) -> Layers:
    sources = tuple(tuple(sorted(i for i, k in edges if k == j)) for j in range(len(vertices)))
    labels, units = zip(*vertices)
    return layers({"": Cell(labels, sources, tuple(map(float, units)))}, MLP, 16.0)


def chain(*hidden: tuple[str, int]) -> Layers:
    vertices = [("input", 0), *hidden, ("softmax", 0), ("output", 0)]
    return network(vertices, [(i, i + 1) for i in range(len(vertices) - 1)])


def distances(one: Layers, two: Layers, structure: tuple[float, ...] = NU) -> tuple[np.ndarray, np.ndarray]:
    """d and dbar."""
    found = OtmannDistance(structure)
    pair = found.add(one), found.add(two)
    d = found.pairs([pair])[0]
    return d, d / (found.total(pair[0]) + found.total(pair[1]))


A = chain(("relu", 32), ("relu", 32))


def test_masses() -> None:
    assert A.mass == pytest.approx([105.6, 32, 1024, 105.6, 105.6])


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (A, [0.0, 0.0]),
        (chain(("relu", 32), ("relu", 64)), [1331.2, 1331.2]),
        (chain(("relu", 32), ("elu", 32)), [102.4, 102.4]),
        (chain(("relu", 32), ("tanh", 32)), [335.893, 655.467]),
        (chain(("relu", 32), ("relu", 32), ("relu", 32)), [1376.96, 1560.0]),
    ],
)
def test_published_distances(other: Layers, expected: list[float]) -> None:
    assert distances(A, other)[0] == pytest.approx(expected, abs=1e-3)


def test_normalised_distances() -> None:
    assert distances(A, chain(("relu", 32), ("relu", 64)))[1][0] == pytest.approx(0.32653, abs=1e-5)
    assert distances(A, chain(("relu", 32), ("elu", 32)))[1][0] == pytest.approx(0.03730, abs=1e-5)


def test_parallel_branches_and_split_decisions_are_the_same_network() -> None:
    plain = chain(("relu", 16), ("relu", 16))
    ends = [("softmax", 0), ("output", 0)]
    parallel = network(
        [("input", 0), ("relu", 16), ("relu", 8), ("relu", 8), *ends], [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (4, 5)]
    )
    split = network(
        [("input", 0), ("relu", 16), ("relu", 16), ("softmax", 0), *ends],
        [(0, 1), (1, 2), (2, 3), (2, 4), (3, 5), (4, 5)],
    )
    assert distances(plain, parallel)[0] == pytest.approx(0, abs=1e-9)
    assert distances(plain, split)[0] == pytest.approx(0, abs=1e-9)


def random_chains(count: int) -> list[Layers]:
    rng = np.random.default_rng(0)
    names = ("relu", "elu", "tanh", "logistic", "crelu")
    return [
        chain(*((str(rng.choice(names)), int(rng.integers(8, 128))) for _ in range(rng.integers(1, 6))))
        for _ in range(count)
    ]


def matrix(networks: list[Layers], structure: tuple[float, ...] = NU) -> tuple[np.ndarray, np.ndarray]:
    """d and dbar, each (structure, n, n)."""
    found = OtmannDistance(structure)
    numbers = [found.add(one) for one in networks]
    pairs = [(i, j) for i in numbers for j in numbers]
    d = found.pairs(pairs).T.reshape(len(structure), len(numbers), -1)
    total = np.array([found.total(i) + found.total(j) for i, j in pairs]).reshape(len(numbers), -1)
    return d, d / total


def test_axioms_on_random_chains() -> None:
    d, _ = matrix(random_chains(12))
    assert d == pytest.approx(d.transpose(0, 2, 1), abs=1e-6)
    assert np.diagonal(d, axis1=1, axis2=2) == pytest.approx(0, abs=1e-6)
    assert (d[:, :, None, :] <= d[:, :, :, None] + d[:, None, :, :] + 1e-6).all()


def test_against_the_definition_as_a_linear_program() -> None:
    """Supplies (masses, total of the other), demands alike, cost bordered by 1 with a free corner."""
    networks = random_chains(10)
    d, _ = matrix(networks, (0.3,))
    for i, one in enumerate(networks):
        for j, two in enumerate(networks[:i]):
            cost = np.ones((len(one.mass) + 1, len(two.mass) + 1))
            place = np.abs(one.place[:, None] - two.place[None]).mean(-1)
            cost[:-1, :-1] = [[min(penalty(a, b), 7.65e5) for b in two.labels] for a in one.labels] + 0.3 * place
            cost[-1, -1] = 0
            supply, demand = np.append(one.mass, two.mass.sum()), np.append(two.mass, one.mass.sum())
            assert d[0, i, j] == pytest.approx(ot.emd2(supply, demand, cost), abs=1e-6)


def test_partial_transport_against_linear_programs() -> None:
    """Random sizes, padded to one size, some costs infinite."""
    rng = np.random.default_rng(0)
    cost = 2 * rng.random((30, 5, 6))
    cost[rng.random(cost.shape) < 0.2] = np.inf
    supply = rng.random((30, 5)) * rng.choice([0, 1, 50], (30, 5))
    demand = rng.random((30, 6)) * rng.choice([0, 1, 50], (30, 6))
    found = partial_transport(cost, supply, demand, 1.5)
    for n in range(30):
        rows = np.repeat(np.eye(5), 6, axis=1)
        columns = np.tile(np.eye(6), 5)
        bounds = [(0, None if np.isfinite(c) else 0) for c in cost[n].ravel()]
        priced = np.where(np.isfinite(cost[n]), cost[n] - 1.5, 0).ravel()
        direct = linprog(priced, np.vstack([rows, columns]), np.concatenate([supply[n], demand[n]]), bounds=bounds)
        assert found[n] == pytest.approx(direct.fun, abs=1e-7)
    one = partial_transport(cost[:, :1], supply[:, :1], demand, 1.5)
    padded = partial_transport(cost[:, :2], supply[:, :2] * [1, 0], demand, 1.5)
    assert one == pytest.approx(padded, abs=1e-9)
    turned = partial_transport(cost[:, :1].transpose(0, 2, 1), demand, supply[:, :1], 1.5)
    assert one == pytest.approx(turned, abs=1e-9)


def test_indefinite_kernels_are_projected() -> None:
    _, normalised = matrix(random_chains(40), (1.0,))
    gram = torch.from_numpy(np.exp(-(normalised[0] ** 2)))
    assert torch.linalg.eigvalsh(gram)[0] < -1e-4
    values, vectors = torch.linalg.eigh(gram)
    clipped = (vectors * values.clamp(min=0)) @ vectors.T
    size = clipped.diagonal().sqrt()
    assert torch.allclose(positive(gram), clipped / torch.outer(size, size))
    assert torch.allclose(positive(gram), gram, atol=0.1)
    assert torch.linalg.eigvalsh(positive(gram))[0] > -1e-10


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("conv3x3", "conv5x5", 0.2),
        ("conv3x3", "conv7x7", 0.2828),
        ("sep_conv_3x3", "dil_conv_3x3", 0.1),
        ("sep_conv_3x3", "dil_conv_5x5", 0.28),
        ("max_pool_3x3", "avg_pool_3x3", 0.5),
        ("relu", "elu", 0.1),
        ("relu", "tanh", 0.25),
        ("width=8", "width=16", 0.25),
        ("width=8", "depth=8", np.inf),
        ("relu", "conv3x3", np.inf),
        ("skip_connect", "avg_pool_3x3", np.inf),
        ("normal/conv3x3", "reduce/conv3x3", np.inf),
        ("normal/conv3x3", "normal/conv3x3", 0.0),
    ],
)
def test_label_penalties(one: str, two: str, expected: float) -> None:
    assert penalty(one, two) == penalty(two, one) == pytest.approx(expected, abs=1e-4)


def drawn(arch: Arch) -> nx.DiGraph:
    """A multi-layer perceptron of the space below."""
    graph = nx.DiGraph()
    graph.add_nodes_from([("in", {"op": "input"}), ("soft", {"op": "softmax"}), ("out", {"op": "output"})])
    for n in (0, 1):
        graph.add_node(n, op=arch[f"act{n}"], units=arch[f"units{n}"])
    nx.add_path(graph, ["in", 0, 1, "soft", "out"])
    return graph


PERCEPTRONS = Space(
    [v for n in (0, 1) for v in (Choice(f"act{n}", ("relu", "elu", "tanh")), Ordinal(f"units{n}", (32, 64)))],
    graph=drawn,
)


def test_a_space_with_units() -> None:
    kernel = Otmann(PERCEPTRONS, structure=NU)
    assert kernel.groups == MLP
    one = PERCEPTRONS.arch({"act0": "relu", "units0": 32, "act1": "relu", "units1": 32})
    two = PERCEPTRONS.arch({"act0": "relu", "units0": 32, "act1": "tanh", "units1": 32})
    assert kernel.distances([one], [two]).ravel() == pytest.approx([335.893, 655.467], abs=1e-3)


def test_cells_have_masses_of_equal_units() -> None:
    """input > conv > output and two convolutions one after the other: 16 x 1, then 16 x 16."""
    space = zoo.build("nasbench201", in_channels=3, classes=10, image_size=32).space
    arch = space.arch(dict.fromkeys(space.names, "none") | {"edge01": "nor_conv_3x3", "edge13": "nor_conv_1x1"})
    found = layers(cells(space, arch), ("all", "conv"), 16.0)
    assert dict(zip(found.labels, found.mass)) == {"input": 100, "nor_conv_3x3": 16, "nor_conv_1x1": 256, "output": 100}


def test_distances_do_not_depend_on_when_they_were_asked() -> None:
    space, rng = zoo.build("nasbench201", in_channels=3, classes=10, image_size=32).space, np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(12)]
    kernel = Otmann(space)
    for n in range(1, 13):
        kernel.distances(archs[:n], archs[:n])
    assert kernel.distances(archs) == pytest.approx(Otmann(space).distances(archs), abs=1e-9)


@pytest.mark.parametrize("name", ["nasbench201", "darts", "convnet"])
def test_projected_matrices(name: str) -> None:
    space, rng = zoo.build(name, in_channels=3, classes=10, image_size=32).space, np.random.default_rng(0)
    kernel = Otmann(space, structure=(0.5,))
    x = kernel.features([space.sample(rng) for _ in range(50)])
    made = kernel.kernel()
    gram = made(x).to_dense()
    assert torch.linalg.eigvalsh(gram.detach())[0] > -1e-10
    made(x, diag=True).sum().backward()
    gram.sum().backward()
    assert made.raw_lengthscale.grad.abs().min() > 0
    assert copy.deepcopy(made)(x).to_dense().equal(gram)


@pytest.mark.parametrize("settings", [{"structure": ()}, {"structure": (-1.0,)}, {"units": 0.0}])
def test_bad_settings(settings: dict[str, object]) -> None:
    with pytest.raises(UserError, match="structure must be numbers from 0 on and units positive"):
        Otmann(PERCEPTRONS, **settings)  # type: ignore[arg-type]
