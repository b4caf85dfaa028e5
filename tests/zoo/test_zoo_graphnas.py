"""The spaces of GraphNAS and its macro layers."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from archwright.data.graphs import Graph
from archwright.errors import UserError
from archwright.space import Space
from archwright.supernet import SupernetStep, Uniform
from archwright.train import GraphTrainer
from archwright.zoo import graphnas
from archwright.zoo.graph import Neighbours
from archwright.zoo.graph._macro import ACTIVATIONS, AGGREGATORS, ATTENTIONS, MacroLayer

PATH = torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])
LOOPED = torch.eye(4) + torch.diag(torch.ones(3), 1) + torch.diag(torch.ones(3), -1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def layer(attention: str, aggregator: str = "sum", heads: int = 1, edges: Tensor = PATH) -> MacroLayer:
    return MacroLayer(
        3, 5, Neighbours(edges, 4), attention=attention, aggregator=aggregator, heads=heads, average=False
    )


def test_counts() -> None:
    assert graphnas.macro(1).size == 1_344
    assert graphnas.macro().size == 9_408 * 1_344 == 12_644_352
    assert graphnas.micro().size == 12_960
    assert graphnas.micro(training=True).size == 27_216_000
    assert (len(ATTENTIONS), len(AGGREGATORS), len(ACTIVATIONS)) == (7, 4, 8)
    assert Space.from_json(graphnas.macro().to_json()) == graphnas.macro()
    with pytest.raises(UserError, match="at least one layer"):
        graphnas.macro(0)


def test_const_and_gcn_are_matrix_products() -> None:
    x, const, gcn = torch.randn(4, 3), layer("const"), layer("gcn")
    torch.testing.assert_close(const(x), LOOPED @ x @ const.weight.t())
    scale = LOOPED.sum(1).rsqrt()
    torch.testing.assert_close(gcn(x), (scale[:, None] * LOOPED * scale) @ x @ gcn.weight.t())


@pytest.mark.parametrize("attention", ["gat", "gat_sym", "linear", "cos", "generalized_linear"])
def test_attention_by_hand(attention: str) -> None:
    x, one = torch.randn(4, 3), layer(attention)
    h, a, b = x @ one.weight.t(), one.a[0, 0], one.b[0, 0]
    i, j = h[:, None], h[None]
    leaky = torch.nn.functional.leaky_relu
    forth, back = leaky(i @ a + j @ b, 0.2), leaky(j @ a + i @ b, 0.2)
    score = {
        "gat": lambda: forth,
        "gat_sym": lambda: forth + back,
        "linear": lambda: torch.tanh(j @ (a + b)).expand(4, 4),
        "cos": lambda: ((a * i) * (b * j)).sum(-1),
        "generalized_linear": lambda: torch.tanh(a * i + b * j) @ one.w[0, 0],
    }[attention]()
    weight = score.masked_fill(LOOPED == 0, -torch.inf).softmax(1)
    torch.testing.assert_close(one(x), weight @ h)
    _, target = one.neighbours.with_loops(x.device)
    sums = torch.zeros(4).index_add(0, target, one.weights(h[:, None])[:, 0])
    torch.testing.assert_close(sums, torch.ones(4))


@pytest.mark.parametrize("aggregator", AGGREGATORS)
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_renumbered_nodes_give_renumbered_rows(attention: str, aggregator: str) -> None:
    order = torch.tensor([2, 0, 3, 1])
    one, x = layer(attention, aggregator, heads=2), torch.randn(4, 3)
    moved = layer(attention, aggregator, heads=2, edges=order.argsort()[PATH])
    moved.load_state_dict(one.state_dict())
    torch.testing.assert_close(moved(x[order]), one(x)[order], atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("aggregator", ["mean", "max", "mlp"])
def test_aggregators_by_hand(aggregator: str) -> None:
    x, one = torch.randn(4, 3), layer("const", aggregator)
    h = one.pool(x @ one.weight.t())
    neighbours = [[0, 1], [0, 1, 2], [1, 2, 3], [2, 3]]
    take = {"mean": lambda rows: rows.mean(0), "max": lambda rows: rows.max(0).values, "mlp": lambda rows: rows.sum(0)}
    torch.testing.assert_close(one(x), torch.stack([take[aggregator](h[rows]) for rows in neighbours]))


def small_graph() -> Graph:
    part = torch.arange(4)
    return Graph(
        name="path", x=torch.randn(4, 3), edge_index=PATH, y=part % 2, classes=2, train=part < 2, valid=part == 2,
        test=part == 3,
    )  # fmt: skip


def test_the_first_release_drops_attention_and_adds_the_input() -> None:
    x = torch.randn(4, 3)
    for attention in ("const", "gat"):
        one = MacroLayer(
            3, 5, Neighbours(PATH, 4), attention=attention, aggregator="sum", heads=2, average=True,
            attention_dropout=0.5, residual=True,
        )  # fmt: skip
        plain = copy.deepcopy(one)
        plain.residual, plain.attention_dropout = None, 0.0
        added = (x @ one.residual.weight.t()).view(4, 2, 5).mean(1)
        torch.testing.assert_close(one.eval()(x), plain.eval()(x) + added)
        one.train()
        drawn = torch.stack([one(x) for _ in range(6000)])
        assert drawn.std(0).min() > 0
        torch.testing.assert_close(drawn.mean(0), plain(x) + added, atol=0.12, rtol=0.05)


def test_micro_networks_by_hand() -> None:
    graph, values = small_graph(), {"in0": 1, "op0": "gcn", "in1": 2, "op1": "linear", "activation": "tanh"}
    net = graphnas.micro_supernet(graph, width=5).eval()
    first, second = net.module.cells
    state = net.module.pre[1](graph.x)
    scale = LOOPED.sum(1).rsqrt()
    gcn = first.operation.options[graphnas.MICRO_OPERATIONS.index("gcn")]
    a = scale[:, None] * LOOPED * scale @ state @ gcn.lin.weight.t() + gcn.bias
    b = second.operation.options[graphnas.MICRO_OPERATIONS.index("linear")](a)
    head = dict(zip(("add", "product", "concat"), net.module.head.options, strict=True))
    merged = {"add": a + b, "product": a * b, "concat": torch.cat([a, b], 1)}
    for merge, value in merged.items():
        torch.testing.assert_close(net(graph.x, values | {"merge": merge}), head[merge](value.tanh()))


def test_micro_supernet_has_the_micro_space() -> None:
    net = graphnas.micro_supernet(small_graph(), width=4)
    assert net.space == graphnas.micro()
    arch = graphnas.micro().sample(np.random.default_rng(0))
    assert net.space.arch(arch).key == arch.key


def test_every_micro_network_runs_alone_as_it_does_in_the_supernet() -> None:
    graph, rng = small_graph(), np.random.default_rng(0)
    net = graphnas.micro_supernet(graph, width=4).eval()
    for operation in graphnas.MICRO_OPERATIONS:
        arch = net.space.arch({**net.space.sample(rng), "op0": operation})
        alone = net.slice(arch)
        torch.testing.assert_close(alone(graph.x), net(graph.x, arch))
        assert sum(p.numel() for p in alone.parameters()) < sum(p.numel() for p in net.parameters())
        fresh = net.slice(arch, fresh=True)
        assert [p.shape for p in fresh.parameters()] == [p.shape for p in alone.parameters()]
        assert not torch.equal(fresh.head.weight, alone.head.weight)


def test_relaxed_inputs_are_mixed() -> None:
    graph = small_graph()
    net = graphnas.micro_supernet(graph, width=4).eval()
    arch = dict(net.space.sample(np.random.default_rng(0))) | {"op0": "linear", "merge": "add", "activation": "linear"}
    arch |= {"in1": 0, "op1": "zero"}
    ends = [net(graph.x, arch | {"in0": i}) for i in (0, 1)]
    torch.testing.assert_close(net(graph.x, arch | {"in0": [0.25, 0.75]}), 0.25 * ends[0] + 0.75 * ends[1])


def test_a_network_without_operations_is_constant_and_can_be_trained() -> None:
    graph = small_graph()
    arch = {"in0": 0, "op0": "zero", "in1": 0, "op1": "zero", "activation": "relu", "merge": "product"}
    network = graphnas.micro_network(arch, graph, width=4)
    assert (network(graph.x) == network(graph.x)[0]).all()
    *_, last = graphnas.trainer().fit(network, graph)
    assert np.isfinite(last.metrics["loss"])


def test_the_settings_of_the_training_are_part_of_the_architecture() -> None:
    graph = small_graph()
    arch = graphnas.micro(training=True).sample(np.random.default_rng(0))
    network = graphnas.micro_network(arch, graph)
    assert network.pre[0].weight.shape == (arch["hidden"], 3)
    assert network.drop.p == arch["dropout"]
    trainer = graphnas.trainer(arch)
    assert (trainer.lr, trainer.weight_decay, trainer.select) == (arch["lr"], arch["weight_decay"], "loss")
    with pytest.raises(UserError, match="op0"):
        graphnas.micro_network({"in0": 1}, graph)


def test_shared_weights_learn() -> None:
    graph = dataclasses.replace(small_graph(), edge_index=torch.zeros(2, 0, dtype=torch.long))
    net = graphnas.micro_supernet(graph, width=8, dropout=0.0)
    step = SupernetStep(net.space, Uniform(paths=2), distil=False)
    reports = list(GraphTrainer(epochs=150, lr=0.05).fit(net, graph, step=step, metrics=lambda _: {}))
    losses = [report.metrics["loss"] for report in reports]
    assert np.mean(losses[-50:]) < 0.75 * np.mean(losses[:10])


def test_every_drawn_network_runs_and_learns() -> None:
    graph = small_graph()
    rng, space = np.random.default_rng(0), graphnas.macro()
    for _ in range(15):
        network = graphnas.network(space.sample(rng), graph)
        out = network(graph.x)
        assert out.shape == (4, 2)
        out.sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())
    *_, last = graphnas.trainer().fit(network, graph)
    assert np.isfinite(last.metrics["loss"])
    with pytest.raises(UserError, match="attention0"):
        graphnas.network({}, graph)
