"""DSO-NAS: published counts, what lives, the same function after clean-up, fixed scales."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archwright import zoo
from archwright.errors import UserError
from archwright.supernet import DenseBlock, ElasticBatchNorm2d, Supernet, living

SMALL = {"in_channels": 2, "classes": 3, "image_size": 8, "channels": 4, "stages": 2, "blocks": 1}


def small(**settings: int) -> Supernet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return zoo.build("dso-nas", **{**SMALL, **settings}).eval()  # type: ignore[arg-type]


def test_published_counts() -> None:
    """Sheet of DSO-NAS, must show 2: 124 connections a block, 1, 5, 9 and 13 inputs, two a reduction."""
    net = zoo.build("dso-nas", in_channels=3, classes=10, image_size=32)
    names = [name for name in net.space.names if "-" in name]
    into = {
        target: sum(name.endswith(f"-{target}") for name in names) for target in ("sep3_2", "max_3", "avg_4", "out")
    }
    assert len(names) == 124
    assert into == {"sep3_2": 5, "max_3": 9, "avg_4": 13, "out": 16}
    assert not any(name.endswith("_1") for name in names)  # the first level reads the input, without a choice
    assert sorted({*net.space.names} - {*names}) == [f"reduce{n}.conv{k}" for n in (1, 2) for k in (1, 3)]
    assert net.space.size == 2**124 * 3**2
    assert sum(isinstance(part, DenseBlock) for part in net.searchable()) == 24


def test_full_blocks_have_connections_of_their_own() -> None:
    net = small(share=False, blocks=2)
    assert len(net.space.names) == 4 * 124 + 2
    assert {name.partition(".in")[0] for name in net.space.names if ".in-" in name} == {
        f"stage{s}.block{b}" for s, b in itertools.product((1, 2), (1, 2))
    }


@pytest.mark.parametrize(
    ("kept", "alive"),
    [
        ([("in", "a"), ("a", "b"), ("b", "out")], [("in", "a"), ("a", "b"), ("b", "out")]),
        ([("in", "a"), ("a", "b")], []),  # b reaches nothing, so a does not either
        ([("a", "b"), ("b", "out")], []),  # a reads nothing, so b does not either
        ([("first", "a"), ("in", "b"), ("b", "out")], [("in", "b"), ("b", "out")]),
        ([("first", "a"), ("a", "b"), ("first", "out")], [("first", "out")]),
        ([("in", "a"), ("a", "out"), ("b", "out")], [("in", "a"), ("a", "out")]),
        ([], []),
    ],
)
def test_what_has_no_way_through_is_dead(kept: list[tuple[str, str]], alive: list[tuple[str, str]]) -> None:
    """`first` is of the first level, a of the second and b of the third."""
    assert living(kept, ["first"]) == alive


def weights(net: Supernet, zero: list[str]) -> dict[str, Tensor]:
    """Factors between a half and one and a half, some of them zero; gradients make everything run."""
    generator = torch.Generator().manual_seed(1)
    found = {}
    for name in net.space.names:
        factor = 0.0 if name in zero else float(0.5 + torch.rand((), generator=generator))
        found[name] = torch.tensor([0.0, factor], dtype=torch.float64, requires_grad=True)
    return found


def test_a_cleaned_network_is_the_same_function() -> None:
    """Sheet, must show 3: sep5_2 feeds sep3_3 only, which feeds avg_4 only, which has lost its way out."""
    net, x = small().double(), torch.randn(2, 2, 8, 8, dtype=torch.float64)
    names = net.space.names
    dead = ["block.avg_4-out", "block.sep5_2-out", "block.sep3_3-out"]
    dead += [n for n in names if n.startswith("block.sep5_2-") and n != "block.sep5_2-sep3_3"]
    dead += [n for n in names if n.startswith("block.sep3_3-") and n != "block.sep3_3-avg_4"]
    factors = weights(net, dead)
    whole = net(x, factors)
    clean = net.space.canonical({n: "cut" if n in dead else "kept" for n in names})
    for lost in ("block.sep5_2-sep3_3", "block.sep3_3-avg_4", "block.in-sep5_2", "block.in-avg_4"):
        assert clean[lost] == "cut"
    assert clean["block.in-sep3_2"] == "kept"
    ran: list[str] = []
    block = next(part for part in net.searchable() if isinstance(part, DenseBlock))
    for operation, module in block.operations.items():
        module.register_forward_hook(lambda *_, operation=operation: ran.append(operation))
    rebuilt = net(x, {n: "cut" if clean[n] == "cut" else factors[n] for n in names})
    torch.testing.assert_close(rebuilt, whole, rtol=0, atol=1e-6)
    assert {"sep5_2", "sep3_3", "avg_4"}.isdisjoint(ran)
    assert len(ran) == 13
    without_gradients = net(x, {n: w.detach() for n, w in factors.items()})  # zeros are seen at once
    torch.testing.assert_close(without_gradients, whole, rtol=0, atol=1e-6)


def test_a_block_without_a_way_through_is_its_shortcut() -> None:
    net = small(blocks=2)
    nothing = {n: "kept" if n.startswith("reduce") else "cut" for n in net.space.names}
    plain = net.slice(nothing)
    assert isinstance(plain.parts[1], nn.Identity)
    assert not any(isinstance(m, nn.MaxPool2d | nn.AvgPool2d) for m in plain.modules())
    x = torch.randn(2, 2, 8, 8)
    assert torch.equal(net(x, nothing), net.extract(nothing)(x))


def test_dead_connections_change_nothing() -> None:
    net, rng = small(), np.random.default_rng(0)
    x = torch.randn(1, 2, 8, 8)
    for _ in range(5):
        sparse = {n: "kept" if n.startswith("reduce") or rng.random() < 0.15 else "cut" for n in net.space.names}
        clean = net.space.canonical(sparse)
        assert sum(v == "kept" for v in clean.values()) < sum(v == "kept" for v in sparse.values())
        assert torch.equal(net(x, sparse), net(x, clean))


def test_a_reduction_keeps_a_connection() -> None:
    net = small()
    arch = dict.fromkeys(net.space.names, "kept")
    assert arch in net.space
    assert {**arch, "reduce1.conv1": "cut"} in net.space
    assert {**arch, "reduce1.conv1": "cut", "reduce1.conv3": "cut"} not in net.space


def test_scales_are_fixed_while_searched_and_learn_afterwards() -> None:
    net = small()
    searched = [m for m in net.modules() if isinstance(m, ElasticBatchNorm2d)]
    assert len(searched) == 2 * (16 + 1 + 1) + 2  # operations, output and shortcut of both blocks; the reduction
    assert all(torch.equal(m.weight, torch.ones(m.weight.shape)) and not m.weight.requires_grad for m in searched)
    plain = net.extract(dict.fromkeys(net.space.names, "kept"))
    assert all(m.weight.requires_grad for m in plain.modules() if isinstance(m, nn.BatchNorm2d))


def test_graphs_show_what_lives() -> None:
    net = small()
    arch = dict.fromkeys(net.space.names, "cut") | {"reduce1.conv3": "kept"}
    arch |= {"block.max_1-sep3_2": "kept", "block.sep3_2-out": "kept", "block.in-avg_4": "kept"}
    drawn = net.space.graph(net.space.arch(arch))
    assert {n for n, data in drawn.nodes(data=True) if data["op"] in ("sep3", "max", "avg")} == {
        "block.sep3_2",
        "block.max_1",
    }
    assert set(drawn.successors("block.in")) == {"block.max_1", "block.out"}


def test_sizes_out_of_range() -> None:
    with pytest.raises(UserError, match="must be at least 1, got 0, 2, 1 and 4"):
        small(channels=0)
    with pytest.raises(UserError, match="different names without"):
        DenseBlock("b", [{"a-b": nn.Identity()}], {"a-b": nn.Identity()}, norm=nn.Identity(), shortcut=nn.Identity())
    with pytest.raises(UserError, match="needs a projection"):
        DenseBlock("b", [{"a": nn.Identity()}], {}, norm=nn.Identity(), shortcut=nn.Identity())
