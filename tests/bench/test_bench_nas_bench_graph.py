"""NAS-Bench-Graph: keys, counts and the published figures of its tables."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from bench_tables import needs

from archwright import bench, cost
from archwright.errors import UserError
from archwright.space import Arch
from archwright.statistics import kendall, spearman
from archwright.zoo import nasbenchgraph
from archwright.zoo.nasbenchgraph import LINKS, OPERATIONS, architecture

table = needs("nasbench_graph.npz")
ROOT = Path(os.environ.get("ARCHWRIGHT_DATA", "/nowhere"))
graph = pytest.mark.skipif(not (ROOT / "graphs" / "cora.npz").is_file(), reason="ARCHWRIGHT_DATA holds no graphs/")

FIGURES = {  # mean, median and best test accuracy, link list and operations of the best, tau and rho of valid and test
    "cora": (75.43, 78.53, 83.13, "0122", "fc gat gcn graph", 0.554, 0.732),
    "citeseer": (61.07, 65.40, 71.57, "0013", "fc gin gat graph", 0.773, 0.928),
    "pubmed": (73.07, 74.03, 78.60, "0011", "gcn arma gcn gin", 0.382, 0.539),
    "cs": (83.37, 86.46, 91.26, "0011", "gcn arma gat graph", 0.831, 0.962),
    "physics": (87.12, 89.28, 93.00, "0013", "arma gcn arma arma", 0.698, 0.868),
    "photo": (86.98, 88.04, 92.79, "0012", "gat fc sage fc", 0.747, 0.914),
    "computers": (75.75, 76.76, 85.58, "0011", "gat sage gat fc", 0.540, 0.723),
    "arxiv": (69.55, 70.46, 72.39, "0123", "gcn cheb sage sage", 0.873, 0.974),
    "proteins": (76.63, 76.89, 79.26, "0123", "arma sage gcn sage", 0.353, 0.498),
}
PROTEINS = (35, 160, 240, 136, 256, 160, 384, 310, 340)


def digits(text: str) -> list[int]:
    return [int(digit) for digit in text]


def test_every_data_set_has_figures() -> None:
    assert list(FIGURES) == list(bench.NasBenchGraph.datasets)


@table
@pytest.mark.parametrize("dataset", FIGURES)
def test_published_figures(dataset: str) -> None:
    benchmark = bench.load("nas-bench-graph", dataset)
    mean, median, best, link, ops, tau, rho = FIGURES[dataset]
    valid, test = benchmark.values("valid_accuracy"), benchmark.values("test_accuracy")
    assert (test.mean(), np.median(test)) == pytest.approx((mean, median), abs=0.006)
    arch, value = benchmark.best("test_accuracy")
    assert value == pytest.approx(best, abs=0.006)
    assert arch == architecture(digits(link), ops.split())
    assert kendall(valid, test) == pytest.approx(tau, abs=0.0011)
    assert spearman(valid, test) == pytest.approx(rho, abs=0.0011)


@table
def test_parameter_counts_follow_the_formula() -> None:
    """For every entry of eight tables; on physics 1,567 rows are averages over runs that differ."""
    for dataset in FIGURES:
        benchmark = bench.load("nas-bench-graph", dataset)
        ours = [nasbenchgraph.parameters(arch, dataset) for arch in benchmark.architectures()]
        equal = int((benchmark.values("params") == ours).sum())
        assert equal == (24_639 if dataset == "physics" else len(benchmark))


@table
def test_spot_entries() -> None:
    cora = bench.load("nas-bench-graph", "cora")
    parallel, tree = architecture([0, 0, 0, 0], ["gat"] * 4), architecture([0, 0, 0, 1], ["gat"] * 4)
    assert cora.query(parallel, "valid_accuracy") == pytest.approx(77.3333)
    assert cora.query(parallel, "test_accuracy") == pytest.approx(79.7)
    assert cora.query(parallel, "params") == 1_736_711
    assert cora.query(parallel, "latency_ms") == pytest.approx(5.92224)
    assert cora.query(tree, "test_accuracy") == pytest.approx(81.4333)
    assert cora.query(tree, "params") == 1_369_863
    arxiv, proteins = (bench.load("nas-bench-graph", name) for name in ("arxiv", "proteins"))
    assert arxiv.query(parallel, "test_accuracy") == pytest.approx(67.2469)
    convolutions = architecture([0, 0, 0, 0], ["gcn"] * 4)
    assert proteins.query(convolutions, "test_accuracy") == pytest.approx(73.5262, abs=1e-3)


@table
@pytest.mark.parametrize(("dataset", "n"), [("cora", 26_206), ("proteins", 2_021)])
def test_every_architecture_there_and_back(dataset: str, n: int) -> None:
    benchmark = bench.load("nas-bench-graph", dataset)
    everything = list(benchmark.architectures())
    assert len(set(everything)) == len(benchmark) == n
    assert [benchmark.index(arch) for arch in everything] == list(range(n))
    assert all(nasbenchgraph.canonical(arch) == arch for arch in everything)
    assert all(arch in benchmark.space for arch in everything[::50])


@table
def test_rows_of_each_link_list() -> None:
    for dataset, expected in (("cora", COUNTS), ("proteins", PROTEINS)):
        archs = bench.load("nas-bench-graph", dataset).architectures()
        found = Counter(nasbenchgraph.key(arch) // 10_000 for arch in archs)
        assert tuple(found[tree] for tree in range(9)) == expected


COUNTS = (330, 2304, 2880, 2080, 4096, 1440, 5120, 3276, 4680)


@table
def test_every_encoding_but_all_skip_has_an_entry() -> None:
    benchmark = bench.load("nas-bench-graph", "cora")
    found: Counter[int] = Counter()
    for link in itertools.product((0, 1), (0, 1, 2), (0, 1, 2, 3)):
        for ops in itertools.product(OPERATIONS, repeat=4):
            values = {f"link{i + 1}": link[i] for i in range(3)} | {f"op{i}": ops[i] for i in range(4)}
            found[nasbenchgraph.key(values)] += 1
    keys = {nasbenchgraph.key(arch) for arch in benchmark.architectures()}
    assert found.pop(88888) == 24
    assert set(found) == keys
    assert (sum(found.values()), min(found.values()), max(found.values())) == (157_440, 1, 164)


@table
def test_equal_encodings_have_equal_entries() -> None:
    benchmark = bench.load("nas-bench-graph", "citeseer")
    a = architecture([0, 1, 2, 1], ["gcn", "gin", "fc", "cheb"])
    b = architecture([0, 1, 1, 3], ["gcn", "cheb", "gin", "fc"])
    assert benchmark.index(a) == benchmark.index(b)
    assert benchmark.architectures()[benchmark.index(a)] == architecture([0, 1, 1, 2], ["gcn", "gin", "cheb", "fc"])


@table
def test_what_has_no_entry() -> None:
    cora, proteins = bench.load("nas-bench-graph"), bench.load("nas-bench-graph", "proteins")
    assert cora.dataset == "cora"
    nothing = Arch({"link1": 0, "link2": 0, "link3": 0} | {f"op{i}": "skip" for i in range(4)})
    with pytest.raises(UserError, match="refuses"):
        cora.query(nothing, "valid_accuracy")
    with pytest.raises(UserError, match="gat"):
        proteins.query(architecture([0, 0, 0, 0], ["gat"] * 4), "valid_accuracy")
    with pytest.raises(UserError, match="no results on 'corra'; did you mean 'cora'"):
        bench.load("nas-bench-graph", "corra")
    with pytest.raises(UserError, match="no training times"):
        cora.seconds(architecture(LINKS[0], ["gcn"] * 4))


@table
@graph
def test_a_network_of_the_table() -> None:
    benchmark = bench.load("nas-bench-graph", "cora")
    arch = architecture([0, 1, 1, 2], ["skip", "gat", "arma", "fc"])
    state = torch.get_rng_state()
    first, second = (benchmark.network(arch, seed=3) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    assert cost.params(first) == benchmark.query(arch, "params")
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    with pytest.raises(UserError, match="pubmed"):
        bench.load("nas-bench-graph", "pubmed").network(arch, seed=0)
