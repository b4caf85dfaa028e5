"""The Weisfeiler-Lehman kernel on graphs counted by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import networkx as nx
import numpy as np
import pytest
import torch

from archwright import zoo
from archwright.bench._nasbench101_cell import cell_space
from archwright.errors import UserError
from archwright.search.kernels._cell import Cell
from archwright.search.kernels._weisfeiler_lehman import WeisfeilerLehman
from archwright.space import Arch, Choice, Space

SPACE = zoo.build("nasbench201", in_channels=3, classes=10, image_size=32).space
CONV, SKIP, POOL = "nor_conv_3x3", "skip_connect", "avg_pool_3x3"


def cell(labels: str, edges: Iterable[tuple[int, int]]) -> Cell:
    """One letter a vertex; an edge goes from the first to the second of its ends."""
    return Cell(tuple(labels), tuple(tuple(sorted(i for i, k in edges if k == j)) for j in range(len(labels))))


def dots(kernel: WeisfeilerLehman, one: Cell, two: Cell) -> list[int]:
    pairs = zip(kernel.counts({"": one}), kernel.counts({"": two}))
    return [sum(a[label] * b[label] for label in a) for a, b in pairs]


def test_example_of_the_paper() -> None:
    """Figure 2 of Shervashidze et al. (2011): 7 common pairs of labels, and 4 after one iteration; 11 in all."""
    kernel = WeisfeilerLehman(SPACE, iterations=1, directed=False)
    one = cell("114352", [(0, 2), (1, 2), (2, 3), (2, 4), (3, 4), (3, 5), (4, 5)])
    two = cell("124352", [(0, 2), (1, 2), (2, 3), (2, 4), (3, 4), (3, 5), (1, 4)])
    assert dots(kernel, one, two) == [7, 4]


def test_directions_are_told_apart() -> None:
    """a > b > c against c > b > a: the labels agree, no neighbourhood does unless directions are dropped."""
    one, two = cell("abc", [(0, 1), (1, 2)]), cell("cba", [(0, 1), (1, 2)])
    assert dots(WeisfeilerLehman(SPACE, iterations=2), one, two) == [3, 0, 0]
    assert dots(WeisfeilerLehman(SPACE, iterations=2, directed=False), one, two) == [3, 3, 3]


def arch(**operations: str) -> Arch:
    return SPACE.arch(dict.fromkeys(SPACE.names, "none") | operations)


def covariance(kernel: WeisfeilerLehman, *archs: Arch) -> np.ndarray:
    return kernel.kernel()(kernel.features(archs)).to_dense().detach().numpy()


def test_two_cells_by_hand() -> None:
    """input > conv > output against input > skip > output, one iteration, weights 1.

    Before: input, output in common of three labels. After: `input` is followed by another label, so is the rest.
    s(a, a) = s(b, b) = 3 + 3; s(a, b) = 2 + 0.
    """
    kernel = WeisfeilerLehman(SPACE, iterations=1)
    gram = covariance(kernel, arch(edge03=CONV), arch(edge03=SKIP))
    assert gram == pytest.approx(np.array([[1, 1 / 3], [1 / 3, 1]]))


def test_repeated_labels_by_hand() -> None:
    """input > conv > output against input > conv > conv > output, one iteration.

    Before: (1, 1, 1) against (1, 1, 2) of input, output, conv: products 4, 3, 6. After: input before conv and output
    behind conv are common, the convolutions have other neighbours: products 2, 3, 4.
    """
    kernel = WeisfeilerLehman(SPACE, iterations=1)
    gram = covariance(kernel, arch(edge03=CONV), arch(edge01=CONV, edge13=CONV))
    assert gram[0, 1] == pytest.approx((4 + 2) / np.sqrt((3 + 3) * (6 + 4)))


def test_weights_of_iterations() -> None:
    kernel = WeisfeilerLehman(SPACE, iterations=1)
    x = kernel.features([arch(edge03=CONV), arch(edge01=CONV, edge13=CONV)])
    made = kernel.kernel()
    made.weight = torch.tensor([0.5])
    assert made(x).to_dense()[0, 1].item() == pytest.approx((4 + 1) / np.sqrt((3 + 1.5) * (6 + 2)))
    made(x).to_dense()[0, 1].backward()
    assert made.raw_weight.grad is not None
    assert made.raw_weight.grad.abs().item() > 0


def test_idle_operations_do_not_count() -> None:
    kernel = WeisfeilerLehman(SPACE)
    assert covariance(kernel, arch(edge03=CONV), arch(edge03=CONV, edge12=POOL))[0, 1] == pytest.approx(1.0)


def test_isomorphic_cells_have_covariance_one() -> None:
    space, rng = cell_space(), np.random.default_rng(0)
    kernel = WeisfeilerLehman(space)
    for _ in range(10):
        drawn = space.sample(rng)
        assert covariance(kernel, drawn, space.canonical(drawn))[0, 1] == pytest.approx(1.0)


def test_counts_agree_with_networkx() -> None:
    """The histogram of labels after each iteration has the sizes that networkx finds with its hashes."""
    rng, kernel = np.random.default_rng(0), WeisfeilerLehman(SPACE, iterations=3, directed=False)
    for _ in range(20):
        drawn = SPACE.graph(SPACE.sample(rng)).to_undirected()
        drawn.remove_nodes_from([v for v in nx.isolates(drawn) if v not in ("input", "output")])
        hashes = nx.weisfeiler_lehman_subgraph_hashes(drawn, node_attr="op", iterations=3)
        order = list(drawn)
        edges = [tuple(sorted((order.index(a), order.index(b)))) for a, b in drawn.edges]
        found = kernel.counts(
            {"": Cell(tuple(drawn.nodes[v]["op"] for v in order), cell("." * len(order), edges).sources)}
        )
        for level in range(1, 4):
            theirs = Counter(hashes[v][level - 1] for v in order)
            assert sorted(found[level].values()) == sorted(theirs.values())


@pytest.mark.parametrize("name", ["nasbench201", "darts"])
def test_gram_matrices_are_positive_semidefinite(name: str) -> None:
    space, rng = zoo.build(name, in_channels=3, classes=10, image_size=32).space, np.random.default_rng(0)
    kernel = WeisfeilerLehman(space)
    gram = covariance(kernel, *(space.sample(rng) for _ in range(500)))
    assert np.linalg.eigvalsh(gram)[0] > -1e-10
    assert gram.diagonal() == pytest.approx(1.0)


def test_bad_settings() -> None:
    with pytest.raises(UserError, match="iterations must be 1 to 8, got 0"):
        WeisfeilerLehman(Space([Choice("op", ("a", "b"))]), iterations=0)
