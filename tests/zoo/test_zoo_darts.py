"""DARTS: published counts, genotypes, the cell."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from archwright import cost, zoo
from archwright.errors import UserError
from archwright.supernet import Supernet
from archwright.zoo import darts
from archwright.zoo.darts import OPERATIONS

V2 = {
    "normal": [
        ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 1), ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2),
    ],
    "reduce": [
        ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1),
        ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def small() -> Supernet:
    return zoo.build("darts", in_channels=3, classes=10, image_size=16, channels=4, layers=6).eval()


@pytest.mark.parametrize(("layers", "params"), [(8, 1_930_618), (5, 1_275_834), (11, 2_585_146), (17, 3_894_202)])
def test_published_numbers_of_weights(layers: int, params: int) -> None:
    net = zoo.build("darts", in_channels=3, classes=10, image_size=32, channels=16, layers=layers)
    assert cost.params(net) == params


def test_published_size(small: Supernet) -> None:
    assert small.space.size == 1_037_664_180**2


def test_genotypes_round_trip(small: Supernet) -> None:
    rng = np.random.default_rng(0)
    for arch in (small.space.sample(rng) for _ in range(50)):
        again = darts.from_genotype(darts.genotype(arch))
        assert again == arch
        assert again in small.space


def test_the_published_genotype(small: Supernet) -> None:
    arch = small.space.arch(darts.from_genotype({**V2, "normal_concat": range(2, 6)}))
    assert {k: arch[k] for k in ("normal.sources4", "normal.edge04", "normal.sources5", "normal.edge25")} == {
        "normal.sources4": "0+1",
        "normal.edge04": "skip_connect",
        "normal.sources5": "0+2",
        "normal.edge25": "dil_conv_3x3",
    }
    for kind, pairs in darts.genotype(arch).items():
        for node in range(4):
            assert sorted(pairs[2 * node : 2 * node + 2]) == sorted(V2[kind][2 * node : 2 * node + 2])


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (V2["normal"][:6], "has 8 pairs a cell, 'normal' has 6"),
        ([("sep_conv_3x3", 0), ("sep_conv_3x3", 0), *V2["normal"][2:]], "two different predecessors below 2"),
        ([("sep_conv_3x3", 0), ("sep_conv_3x3", 2), *V2["normal"][2:]], "two different predecessors below 2"),
        ([("none", 0), ("sep_conv_3x3", 1), *V2["normal"][2:]], "operations among"),
    ],
)
def test_other_genotypes_are_refused(pairs: list[tuple[str, int]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        darts.from_genotype({"normal": pairs, "reduce": V2["reduce"]})


def test_the_plain_network_holds_two_operations_a_node(small: Supernet) -> None:
    plain = small.slice(darts.from_genotype(V2))
    assert [len(layer.cell.edges) for layer in plain.cells] == [8] * 6
    assert list(plain.cells[0].cell.edges) == ["0-2", "1-2", "0-3", "1-3", "0-4", "1-4", "0-5", "2-5"]


def test_reducing_cells_halve_the_image_and_double_the_channels(small: Supernet) -> None:
    shapes: list[tuple[int, ...]] = []
    for layer in small.module.cells:
        layer.register_forward_hook(lambda _m, _x, out: shapes.append(tuple(out.shape[1:])))
    small(torch.randn(1, 3, 16, 16), darts.from_genotype(V2))
    assert shapes == [(16, 16, 16)] * 2 + [(32, 8, 8)] * 2 + [(64, 4, 4)] * 2


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("stride", [1, 2])
def test_every_operation_gives_the_size_of_the_others(operation: str, size: int, stride: int) -> None:
    out = darts._operation(operation, 4, stride=stride)(torch.randn(2, 4, size, size))
    assert out.shape == (2, 4, -(-size // stride), -(-size // stride))


def test_factorized_reduction_sees_every_pixel() -> None:
    """The second half of the channels is taken one pixel further (a known slip of re-implementations)."""
    reduce = darts._FactorizedReduce(1, 2)
    nn.init.ones_(reduce.even.weight)
    nn.init.ones_(reduce.odd.weight)
    reduce.norm = nn.Identity()
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    expected = torch.tensor([[[0.0, 2.0], [8.0, 10.0]], [[5.0, 7.0], [13.0, 15.0]]])
    assert torch.equal(reduce(x)[0], expected)


def test_search_networks_have_no_scale_inside_cells(small: Supernet) -> None:
    norms = [m for m in small.module.cells.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert all(m.weight is None for m in norms)


def test_graphs_show_both_cells(small: Supernet) -> None:
    graph = small.space.graph(darts.from_genotype(V2))
    assert sum(data["op"] not in ("input", "output") for _, data in graph.nodes(data=True)) == 16
    assert graph.in_degree("normal.output") == 8
    assert graph.nodes["reduce.op3"]["op"] == "skip_connect"  # node 3 of the reducing cell reads node 2
    assert set(graph.predecessors("reduce.op3")) == {"reduce.op0", "reduce.op1"}


def test_too_few_layers_are_refused() -> None:
    with pytest.raises(UserError, match="layers must be at least 3"):
        zoo.build("darts", in_channels=3, classes=10, image_size=32, layers=2)
