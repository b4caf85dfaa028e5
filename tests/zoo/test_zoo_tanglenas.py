"""The two small spaces of TangleNAS: their networks, their entanglement."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from archwright import cost, zoo
from archwright.errors import UserError
from archwright.supernet import ElasticConv2d, Entangled, extreme
from archwright.zoo.conv_macro import KERNELS, WIDTHS
from archwright.zoo.entangled_cell import OPERATIONS


def test_sizes() -> None:
    assert zoo.conv_macro.conv_macro().space.size == 9**4
    assert zoo.entangled_cell.entangled_cell().space.size == 4**6


def test_parameters_of_conv_macro_are_those_of_its_largest_network() -> None:
    net = zoo.conv_macro.conv_macro()
    largest = extreme(net.space, np.random.default_rng(0), largest=True)
    assert cost.params(net) == cost.params(net.slice(largest)) == 7_725_450
    smallest = {f"layer{n}.width": w[0] for n, w in enumerate(WIDTHS, 1)} | {
        f"layer{n}.kernel": KERNELS[0] for n in range(1, 5)
    }
    plain = net.extract(smallest)
    convolutions = [m for m in plain.modules() if isinstance(m, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels, c.kernel_size[0]) for c in convolutions] == [
        (3, 8, 3), (8, 16, 3), (16, 32, 3), (32, 64, 3), (64, 256, 7)
    ]  # fmt: skip


def test_parameters_of_cells() -> None:
    """Of the table: all sep3, all dil3 in normal cells, all dil3 in reducing ones; one weight holds both kernels."""
    net = zoo.entangled_cell.entangled_cell()
    counts = {}
    for normal in ("sep_conv_3x3", "dil_conv_3x3"):
        for reduce in ("sep_conv_3x3", "dil_conv_3x3"):
            cell = {n: normal if n.startswith("normal") else reduce for n in net.space.names}
            counts[normal[:3], reduce[:3]] = cost.params(net.slice(cell))
    assert counts["sep", "sep"] == 198_826
    assert counts["sep", "sep"] - counts["dil", "sep"] == 3 * (32 * 32 + 9 * 32)
    assert counts["sep", "sep"] - counts["sep", "dil"] == 3 * (32 * 32 + 64 * 64 + 9 * (32 + 64))
    edges = [m for m in net.searchable() if isinstance(m, Entangled)]
    assert len(edges) == 9
    assert sum(isinstance(m, ElasticConv2d) for m in net.modules()) == 27


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operations_are_those_of_darts(operation: str) -> None:
    net = zoo.entangled_cell.entangled_cell(channels=4, image_size=8).eval()
    plain = net.extract(dict.fromkeys(net.space.names, operation))
    kernel, dilation = int(operation[-1]), 2 if operation.startswith("dil") else 1
    depthwise = [m for m in plain.modules() if isinstance(m, nn.Conv2d) and m.groups > 1]
    assert len(depthwise) == (9 if dilation == 2 else 18)
    assert {(m.kernel_size[0], m.dilation[0], m.padding[0]) for m in depthwise} == {
        (kernel, dilation, dilation * (kernel // 2))
    }


@pytest.mark.parametrize(("space", "size"), [("conv-macro", 12), ("conv-macro", 33), ("entangled-cell", 9)])
def test_other_image_sizes(space: str, size: int) -> None:
    net = zoo.build(space, in_channels=3, classes=4, image_size=size).eval()
    arch = net.space.sample(np.random.default_rng(0))
    assert net(torch.randn(2, 3, size, size), arch).shape == (2, 4)


@pytest.mark.parametrize(("space", "size"), [("conv-macro", 11), ("conv-macro", 65), ("entangled-cell", 7)])
def test_sizes_out_of_range_are_refused(space: str, size: int) -> None:
    with pytest.raises(UserError, match="image_size must be from"):
        zoo.build(space, in_channels=3, classes=4, image_size=size)


def test_graphs_show_both_cells() -> None:
    net = zoo.entangled_cell.entangled_cell(channels=2)
    graph = net.space.graph(net.space.sample(np.random.default_rng(0)))
    assert set(graph.predecessors("normal.edge12")) == {"normal.edge01"}
    assert graph.in_degree("reduce.output") == 3
