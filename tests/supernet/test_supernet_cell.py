"""Cells: nodes joined by edges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from supernet_networks import one, weights
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Choice
from archwright.supernet import Cell, OneOf, Supernet, Zero


class Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


X = torch.ones(1, 2, dtype=torch.float64)


def triangle(**settings: Any) -> Cell:
    """0 -> 1 -> 2 and 0 -> 2: node 1 is 2 x or 3 x, node 2 is 10 x + 7 node 1."""
    first = OneOf("op", {"two": Times(2.0), "three": Times(3.0)})
    return Cell({(0, 1): first, (0, 2): Times(10.0), (1, 2): Times(7.0)}, **settings)


def test_a_node_is_the_sum_of_its_edges() -> None:
    net = Supernet(triangle())
    assert torch.equal(net(X, {"op": "two"}), 24 * X)
    assert torch.equal(net(X, {"op": "three"}), 31 * X)


def test_output_of_all_inner_nodes() -> None:
    assert torch.equal(Supernet(triangle(output="sum"))(X, {"op": "two"}), 26 * X)
    assert torch.equal(Supernet(triangle(output="concat"))(X, {"op": "two"}), torch.cat([2 * X, 24 * X], 1))


def test_relaxed_edges_mix_outputs() -> None:
    torch.testing.assert_close(Supernet(triangle())(X, {"op": weights(0.5, 0.5)}), (10 + 7 * 2.5) * X)


def sourced() -> Supernet:
    edges = {(0, 2): Times(1.0), (1, 2): Times(10.0), (0, 3): Times(2.0), (1, 3): Times(20.0), (2, 3): Times(200.0)}
    return Supernet(_Two(Cell(edges, inputs=2, sources={3: Choice("sources", ("0+1", "0+2", "1+2"))})))


class _Two(nn.Module):
    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        return self.cell(x, -x)  # node 2 is -9


@pytest.mark.parametrize(("option", "value"), [("0+1", -18.0), ("0+2", -1798.0), ("1+2", -1820.0)])
def test_sources_say_which_edges_a_node_keeps(option: str, value: float) -> None:
    net = sourced()
    assert torch.equal(net(X, {"sources": option}), value * X)
    assert torch.equal(net.extract({"sources": option})(X), value * X)


def test_relaxed_sources_weigh_edges_by_the_options_that_keep_them() -> None:
    out = sourced()(X, {"sources": weights(0.5, 0.3, 0.2)})
    torch.testing.assert_close(out, (0.8 * 2 + 0.7 * -20 + 0.5 * 200 * -9) * X)


def test_relaxed_sources_of_weight_zero_leave_their_edge_out() -> None:
    torch.testing.assert_close(sourced()(X, {"sources": weights(1.0, 0.0, 0.0)}), -18 * X)
    assert not sourced()(X, {"sources": weights(0.0, 0.0, 0.0)}).any()


def test_gradients_of_relaxed_weights() -> None:
    def edge() -> OneOf:
        return OneOf(Choice("op", ("linear", "tanh")), {"linear": nn.Linear(2, 2), "tanh": nn.Tanh()})

    edges = {(0, 1): edge(), (0, 2): edge(), (1, 2): edge()}
    net = one(Cell(edges, sources={2: Choice("sources", ("0", "1", "0+1"))}, output="concat"), double=True)
    x = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    a, b = weights(0.4, 0.6, grad=True), weights(0.5, 0.3, 0.2, grad=True)
    assert torch.autograd.gradcheck(lambda x, a, b: net(x, {"op": a, "sources": b}), (x, a, b))


def test_an_edge_is_active_only_if_a_source_option_keeps_it() -> None:
    edges = {(0, 1): Times(1.0), (0, 2): Times(1.0), (1, 2): OneOf("op", {"a": Times(1.0), "b": Times(2.0)})}
    net = Supernet(Cell(edges, sources={2: Choice("sources", ("0", "1", "0+1"))}))
    assert net.space.when == {"op": [{"sources": ["1", "0+1"]}]}


def test_an_edge_that_no_option_keeps_is_not_searched() -> None:
    edges = {(0, 1): Times(1.0), (0, 2): Times(1.0), (1, 2): OneOf("op", {"a": Times(1.0), "b": Times(2.0)})}
    net = Supernet(Cell(edges, sources={2: Choice("sources", ("0",))}))
    assert net.space.names == ("sources",)
    assert torch.equal(net(X, {"sources": weights(1.0, grad=True)}), X)


def nothing(name: str) -> OneOf:
    return OneOf(name, {"none": Zero(), "skip": nn.Identity(), "double": Times(2.0)})


@pytest.mark.parametrize(
    ("ops", "left"),
    [
        (("none", "none", "double"), ["0-1", "1-2"]),  # a node keeps one edge, even if that is zero
        (("skip", "none", "none"), ["0-1", "0-2"]),
        (("skip", "double", "none"), ["0-1", "0-2"]),
        (("skip", "none", "skip"), ["0-1", "1-2"]),
    ],
)
def test_plain_cells_drop_edges_that_are_zero(ops: tuple[str, str, str], left: list[str]) -> None:
    net = Supernet(Cell({(0, 1): nothing("a"), (0, 2): nothing("b"), (1, 2): nothing("c")}))
    arch = dict(zip("abc", ops))
    plain = net.slice(arch)
    assert list(plain.edges) == left
    assert torch.equal(plain(X), net(X, arch))


@pytest.mark.parametrize("relaxed", [False, True])
def test_edges_that_are_zero_do_not_run(relaxed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the plain cell: otherwise a concrete forward costs more than the extracted network."""
    edges = {(0, 1): nothing("a"), (0, 2): nothing("b"), (1, 2): nothing("c")}
    net = Supernet(Cell(edges, sources={2: Choice("sources", ("0+1",))}))
    runs: list[Tensor] = []
    monkeypatch.setattr(Zero, "forward", lambda _self, x: runs.append(x) or 0.0 * x)
    sources = weights(1.0) if relaxed else "0+1"
    assert torch.equal(net(X, {"a": "none", "b": "skip", "c": "none", "sources": sources}), X)
    assert len(runs) == 1  # node 1 has no other edge
    assert torch.equal(net(X, {"a": weights(0.5, 0.5, 0.0), "b": "none", "c": "skip", "sources": sources}), 0.5 * X)
    assert len(runs) == 1


@pytest.mark.parametrize(
    ("edges", "settings", "message"),
    [
        ({(0, 2): nn.Identity()}, {}, r"reach each of \[1\]"),
        ({(0, 1): nn.Identity(), (2, 1): nn.Identity()}, {}, "from earlier to later"),
        ({(1, 1): nn.Identity()}, {}, "from earlier to later"),
        ({(0, 1): nn.Identity()}, {"inputs": 2}, "from earlier to later"),
        ({(0, 1): nn.Identity()}, {"sources": {1: Choice("s", ("0+2",))}}, r"do not exist: \[2\]"),
        ({(0, 1): nn.Identity()}, {"sources": {2: Choice("s", ("0",))}}, r"into node 2"),
        ({(0, 1): nn.Identity()}, {"sources": {1: Choice("s", ("0+0",))}}, "different nodes joined by"),
        ({(0, 1): nn.Identity()}, {"sources": {1: Choice("s", ("all",))}}, "got 'all'"),
    ],
)
def test_impossible_wiring_is_refused(
    edges: Mapping[tuple[int, int], nn.Module], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        Cell(edges, **settings)
