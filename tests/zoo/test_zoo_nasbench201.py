"""NAS-Bench-201: published counts, string form, isomorphism, the table itself."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn

from archwright import cost, zoo
from archwright.errors import UserError
from archwright.space import Arch
from archwright.supernet import Supernet
from archwright.zoo import nasbench201
from archwright.zoo.nasbench201 import EDGES, OPERATIONS

RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"


def everywhere(operation: str) -> Arch:
    return Arch({f"edge{i}{j}": operation for i, j in EDGES})


def every() -> list[Arch]:
    names = [f"edge{i}{j}" for i, j in EDGES]
    return [Arch(dict(zip(names, ops))) for ops in itertools.product(OPERATIONS, repeat=len(EDGES))]


@pytest.fixture(scope="module")
def published() -> Supernet:
    """The skeleton of the table: C = 16, N = 5, ten classes, 32 x 32 pixels."""
    return zoo.build("nasbench201", in_channels=3, classes=10, image_size=32)


@pytest.fixture(scope="module")
def small() -> Supernet:
    return zoo.build("nasbench201", in_channels=3, classes=4, image_size=8, channels=4, cells=1).eval()


@pytest.mark.parametrize(
    ("arch", "params"),
    [
        (everywhere("nor_conv_3x3"), 1_531_546),
        (everywhere("nor_conv_1x1"), 241_306),
        (everywhere("none"), 73_306),
        (everywhere("skip_connect"), 73_306),
        (everywhere("avg_pool_3x3"), 73_306),
        (nasbench201.from_string(RESNET), 559_386),
    ],
    ids=["conv3x3", "conv1x1", "none", "skip", "pool", "resnet"],
)
def test_published_parameter_counts(published: Supernet, arch: Arch, params: int) -> None:
    assert cost.params(published.slice(arch)) == params


@pytest.mark.parametrize(
    ("operation", "macs"),
    [("nor_conv_3x3", 220_119_680), ("nor_conv_1x1", 31_376_000), ("none", 7_783_040)],
)
def test_published_multiply_accumulates(published: Supernet, operation: str, macs: int) -> None:
    assert cost.macs(published.slice(everywhere(operation)), (1, 3, 32, 32)) == macs


def test_counts_of_cells_and_classes(small: Supernet) -> None:
    archs = every()
    assert small.space.size == len(archs) == 15_625
    assert len({nasbench201.topology(arch) for arch in archs}) == 6_466


def test_number_of_cells_whose_output_is_constant() -> None:
    assert sum(not nx.has_path(nasbench201.graph(arch), "input", "output") for arch in every()) == 341


def test_strings_of_all_cells_round_trip() -> None:
    archs = every()
    texts = [nasbench201.to_string(arch) for arch in archs]
    assert len(set(texts)) == 15_625
    assert [nasbench201.from_string(text) for text in texts] == archs


def test_the_string_form_is_the_published_one() -> None:
    arch = Arch(dict(zip(("edge01", "edge02", "edge12", "edge03", "edge13", "edge23"), OPERATIONS * 2)))
    assert nasbench201.to_string(arch) == (
        "|none~0|+|skip_connect~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|none~2|"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("|none~0|+|none~0|none~1|", "not of the form"),
        ("|none~0|+|none~1|none~1|+|none~0|none~1|none~2|", "not of the form"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|conv~2|", "unknown operation 'conv'"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x2~2|", "did you mean 'nor_conv_3x3'"),
    ],
)
def test_other_strings_are_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        nasbench201.from_string(text)


def test_the_canonical_cell_is_the_first_of_its_class() -> None:
    first: dict[str, Arch] = {}
    for arch in every():
        text = nasbench201.topology(arch)
        assert nasbench201.canonical(arch) == first.setdefault(text, arch)


def test_isomorphic_cells_compute_the_same_function(small: Supernet) -> None:
    """With equal weights on all edges of a cell, two cells of one class give equal outputs."""
    with torch.no_grad():
        for cell in small.module.cells:
            operations = [edge.options for edge in getattr(cell, "edges", nn.ModuleDict()).values()]
            for options in operations[1:]:
                options.load_state_dict(operations[0].state_dict())
        x, rng = torch.randn(2, 3, 8, 8), np.random.default_rng(0)
        archs = [small.space.sample(rng) for _ in range(60)]
        changed = [arch for arch in archs if small.space.canonical(arch) != arch]
        assert len(changed) > 20
        for arch in changed:
            torch.testing.assert_close(small(x, small.space.canonical(arch)), small(x, arch), rtol=1e-5, atol=1e-5)


def test_graphs_show_the_operations_and_lead_from_input_to_output(small: Supernet) -> None:
    graph = small.space.graph(nasbench201.from_string(RESNET))
    assert Counter(data["op"] for _, data in graph.nodes(data=True)) == {
        "input": 1, "output": 1, "nor_conv_3x3": 2, "skip_connect": 2,
    }  # fmt: skip
    assert sorted(map(len, nx.all_simple_paths(graph, "input", "output"))) == [3, 5]


@pytest.mark.parametrize("image_size", [4, 9, 30, 31])
def test_any_image_size_from_four(image_size: int) -> None:
    net = zoo.build("nasbench201", in_channels=1, classes=2, image_size=image_size, channels=4, cells=1)
    assert net(torch.randn(2, 1, image_size, image_size), everywhere("nor_conv_3x3")).shape == (2, 2)


def test_cells_without_scale_and_shift() -> None:
    net = zoo.build("nasbench201", in_channels=3, classes=10, image_size=8, channels=4, cells=1, affine=False)
    with_affine = zoo.build("nasbench201", in_channels=3, classes=10, image_size=8, channels=4, cells=1)
    assert cost.params(with_affine) - cost.params(net) == 2 * 2 * len(EDGES) * (4 + 8 + 16)


# the published table --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table() -> dict[str, np.ndarray]:
    root = os.environ.get("ARCHWRIGHT_DATA")
    file = Path(root or "") / "nas" / "nasbench201.npz"
    if not root or not file.is_file():
        pytest.skip("the table is in $ARCHWRIGHT_DATA/nas/nasbench201.npz, which is not here")
    with np.load(file, allow_pickle=False) as data:
        return {name: data[name] for name in ("op_names", "edges", "ops", "iso", "params_c10", "flops_c10")}


def tabulated(table: dict[str, np.ndarray], index: int) -> Arch:
    names = [f"edge{i}{j}" for i, j in table["edges"].tolist()]
    return Arch(dict(zip(names, table["op_names"][table["ops"][index]].tolist())))


def test_isomorphism_classes_are_those_of_the_table(table: dict[str, np.ndarray]) -> None:
    pairs = {(int(c), nasbench201.topology(tabulated(table, i))) for i, c in enumerate(table["iso"])}
    assert len(pairs) == len({c for c, _ in pairs}) == len({t for _, t in pairs}) == 6_466


def test_parameters_and_operations_are_those_of_the_table(published: Supernet, table: dict[str, np.ndarray]) -> None:
    for index in np.random.default_rng(0).integers(15_625, size=12).tolist():
        plain = published.slice(tabulated(table, index))
        assert cost.params(plain) == table["params_c10"][index]
    assert cost.macs(plain, (1, 3, 32, 32)) / 1e6 == pytest.approx(table["flops_c10"][index], abs=1e-4)
