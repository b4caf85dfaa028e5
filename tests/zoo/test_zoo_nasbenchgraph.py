"""The space of NAS-Bench-Graph: counts, canonical form, keys, networks."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from archwright import cost
from archwright.data.graphs import Graph
from archwright.errors import UserError
from archwright.space import Arch, Space
from archwright.zoo import nasbenchgraph
from archwright.zoo.graph import GraphNetwork, GraphSettings, Neighbours
from archwright.zoo.nasbenchgraph import LINKS, OPERATIONS, architecture

links = st.tuples(st.just(0), st.integers(0, 1), st.integers(0, 2), st.integers(0, 3))
operations = st.tuples(*[st.sampled_from(OPERATIONS)] * 4).filter(lambda ops: set(ops) != {"skip"})
SMALL = GraphSettings(pre=False, post=True, width=8, dropout=0.5, optimizer="adam", lr=0.01, weight_decay=0.0, epochs=5)


def ring(features: int = 5) -> Graph:
    """Six nodes in a ring with one chord."""
    pairs = torch.tensor([[0, 1, 2, 3, 4, 5, 0], [1, 2, 3, 4, 5, 0, 3]])
    edges = torch.cat([pairs, pairs.flip(0)], 1)
    part = torch.arange(6)
    x = torch.randn(6, features, generator=torch.Generator().manual_seed(0))
    masks: dict[str, Tensor] = {"train": part < 2, "valid": (part == 2) | (part == 3), "test": part > 3}
    return Graph(name="ring", x=x, edge_index=edges, y=part % 2, classes=2, **masks)


def test_sizes() -> None:
    space = nasbenchgraph.space()
    assert np.prod([variable.count for variable in space.variables]) == 157_464
    assert space.size == 157_464 - 24
    assert nasbenchgraph.space(nasbenchgraph.PROTEINS_OPERATIONS).size == 24 * (5**4 - 1)
    assert Space.from_json(space.to_json()) == space
    with pytest.raises(UserError, match="did you mean 'gcn'"):
        nasbenchgraph.space(["gcn2"])


@pytest.mark.parametrize(
    ("link", "ops", "key"),
    [
        ("0000", "gat gat gat gat", 0),
        ("0001", "gat gat gat gat", 10000),
        ("0000", "gcn gcn gcn gcn", 1111),
        ("0121", "gcn gin fc cheb", 61237),
        ("0113", "gcn cheb gin fc", 61237),
        ("0112", "gcn gin cheb fc", 61237),
        ("0112", "gcn cheb gin fc", 61327),  # the published page calls it equal to the first; the fc follows cheb
        ("0000", "gat gat gat skip", 58000),  # a skip leaf of the input is dropped
        ("0123", "gcn skip skip gcn", 88811),
    ],
)
def test_published_keys(link: str, ops: str, key: int) -> None:
    assert nasbenchgraph.key(architecture([int(digit) for digit in link], ops.split())) == key


@given(links, operations)
def test_the_canonical_form_stands_for_itself(link: tuple[int, ...], ops: tuple[str, ...]) -> None:
    form = nasbenchgraph.canonical(architecture(link, ops))
    assert nasbenchgraph.links(form) in LINKS
    assert nasbenchgraph.canonical(form) == form
    assert nasbenchgraph.from_key(nasbenchgraph.key(form)) == form
    assert form in nasbenchgraph.space()


@given(links, operations, st.permutations(range(4)))
def test_isomorphic_encodings_have_one_key(link: tuple[int, ...], ops: tuple[str, ...], order: list[int]) -> None:
    """Nodes renumbered in any order in which inputs come first."""
    place = {0: 0} | {node + 1: position + 1 for position, node in enumerate(order)}
    renumbered = [place[link[node]] for node in order]
    if all(parent <= position for position, parent in enumerate(renumbered)):
        other = architecture(renumbered, [ops[node] for node in order])
        assert nasbenchgraph.key(other) == nasbenchgraph.key(architecture(link, ops))


@given(links, operations)
def test_graphs_without_skips_are_isomorphic_to_those_of_the_canonical_form(
    link: tuple[int, ...], ops: tuple[str, ...]
) -> None:
    arch = architecture(link, ops)
    if "skip" not in ops:
        drawn = [nasbenchgraph.graph(a) for a in (arch, nasbenchgraph.canonical(arch))]
        assert nx.is_isomorphic(*drawn, node_match=lambda a, b: a["op"] == b["op"])


@pytest.mark.parametrize(
    ("link", "ops", "message"),
    [
        ([0, 1, 2, 4], ["gcn"] * 4, "link3"),
        ([1, 1, 1, 1], ["gcn"] * 4, "the first of them 0"),
        ([0, 0, 0], ["gcn"] * 4, "4 links"),
        ([0, 0, 0, 0], ["gcn", "gcn", "gcn", "gca"], "gca"),
        ([0, 0, 0, 0], ["skip"] * 4, "refuses"),
    ],
)
def test_what_is_no_architecture(link: list[int], ops: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        architecture(link, ops)


@pytest.mark.parametrize("number", [-1, 90000, 100000, 9])
def test_what_is_no_key(number: int) -> None:
    with pytest.raises(UserError, match="five digits"):
        nasbenchgraph.from_key(number)


@pytest.mark.parametrize(
    ("dataset", "link", "ops", "params"),
    [
        ("cora", "0123", "fc fc fc fc", 634_119),
        ("cora", "0000", "fc fc fc fc", 1_734_663),
        ("arxiv", "0123", "gcn gcn gcn gcn", 88_744),
    ],
)
def test_published_parameter_counts(dataset: str, link: str, ops: str, params: int) -> None:
    arch = architecture([int(digit) for digit in link], ops.split())
    assert nasbenchgraph.parameters(arch, dataset) == params


@given(links, operations, st.booleans(), st.booleans())
def test_networks_have_as_many_parameters_as_the_formula_says(
    link: tuple[int, ...], ops: tuple[str, ...], pre: bool, post: bool
) -> None:
    graph, arch = ring(), nasbenchgraph.canonical(architecture(link, ops))
    settings = GraphSettings(
        pre=pre, post=post, width=4, dropout=0.0, optimizer="sgd", lr=0.1, weight_decay=0.0, epochs=1
    )
    network = nasbenchgraph.network(arch, graph, settings)
    network.eval()
    assert network(graph.x).shape == (6, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(nasbenchgraph.SETTINGS, "ring", settings)
        patch.setitem(nasbenchgraph.SIZES, "ring", (5, 2))
        assert cost.params(network) == nasbenchgraph.parameters(arch, "ring")


def test_a_node_that_reads_the_features_takes_them_as_they_are() -> None:
    graph = ring()
    network = nasbenchgraph.network(architecture([0, 1, 1, 2], ["skip", "gcn", "fc", "sage"]), graph, SMALL)
    assert [node.normalised for node in network.nodes] == [False, False, False, True]
    network.eval()
    x = graph.x
    first = network.nodes[1].operation(x)
    second = network.nodes[2].operation(x)
    last = network.nodes[3].operation(torch.relu(network.nodes[3].norm(first)))
    leaves = torch.relu(torch.cat([second, last], 1))
    torch.testing.assert_close(network(x), network.head(network.post(leaves)))


def test_sparse_and_dense_features_give_the_same(recwarn: pytest.WarningsRecorder) -> None:
    from archwright.data.graphs._graph import sparse_rows

    graph, arch = ring(), architecture([0, 0, 1, 2], ["gat", "cheb", "gin", "graph"])
    network = nasbenchgraph.network(arch, graph, SMALL).eval()
    n, f = graph.x.shape
    pointers, columns = torch.arange(0, n * f + 1, f), torch.arange(f).repeat(n)
    sparse = sparse_rows(pointers, columns, graph.x.flatten(), (n, f))
    torch.testing.assert_close(network(sparse), network(graph.x))
    network.train()
    network(sparse).sum().backward()
    assert network.nodes[0].operation.lin.weight.grad.abs().sum() > 0
    assert not recwarn.list


def test_settings_of_an_unknown_data_set() -> None:
    with pytest.raises(UserError, match="no settings for 'ring'"):
        nasbenchgraph.network(Arch(architecture([0, 0, 0, 0], ["gcn"] * 4)), ring())


def bound_graph() -> Graph:
    nodes = torch.arange(8)
    ring = torch.stack([nodes, nodes.roll(1)])
    return Graph(
        name="ring", x=torch.randn(8, 5), edge_index=torch.cat([ring, ring.flip(0)], 1), y=nodes % 2, classes=2,
        train=nodes < 4, valid=(nodes >= 4) & (nodes < 6), test=nodes >= 6,
    )  # fmt: skip


SHARED = GraphSettings(
    pre=True, post=True, width=6, dropout=0.5, optimizer="adam", lr=0.01, weight_decay=0.0, epochs=1
)  # fmt: skip


def test_a_path_of_the_supernet_is_the_network_with_its_weights() -> None:
    torch.manual_seed(0)
    graph = bound_graph()
    net, rng = nasbenchgraph.supernet(graph, SHARED), np.random.default_rng(0)
    assert net.space.names == nasbenchgraph.space().names
    assert net.space.size == nasbenchgraph.space().size
    for _ in range(12):
        arch = net.space.sample(rng)
        cut = net.slice(arch)
        kept = sorted({0, 1, 2, 3} - cut.leaves.dropped)
        ops = [arch[f"op{i}"] for i in range(4)]
        link = [0, arch["link1"], arch["link2"], arch["link3"]]
        alone = GraphNetwork(
            link, ops, Neighbours(graph.edge_index, 8), features=5, classes=2, width=6, pre=True, post=True, dropout=0.5
        )
        columns = torch.cat([torch.arange(6 * i, 6 * i + 6) for i in kept])
        alone.pre.load_state_dict(cut.pre.state_dict())
        alone.nodes.load_state_dict(cut.nodes.state_dict())
        alone.head.load_state_dict(cut.head[1].state_dict())
        alone.post.load_state_dict({"weight": cut.head[0].weight[:, columns], "bias": cut.head[0].bias})
        expected = alone.eval()(graph.x)
        torch.testing.assert_close(cut.eval()(graph.x), expected)
        torch.testing.assert_close(net.eval()(graph.x, arch), expected)


def test_a_supernet_of_five_operations_and_relaxed_ones() -> None:
    graph = bound_graph()
    net = nasbenchgraph.supernet(graph, SHARED, operations=nasbenchgraph.PROTEINS_OPERATIONS).eval()
    assert net.space.size == 14_976
    arch = dict(net.space.sample(np.random.default_rng(0)))
    mixed = net(graph.x, arch | {"op0": [0.2] * 5})
    assert mixed.shape == (8, 2)
    with pytest.raises(UserError, match="relaxed"):
        net(graph.x, arch | {"link3": [0.25] * 4})
