"""Graphs by name, from $ARCHWRIGHT_DATA and from files made here."""

from __future__ import annotations

import collections
import dataclasses
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archwright.data import graphs
from archwright.data.graphs import Graph
from archwright.data.graphs._download import SHA256, _from_planetoid
from archwright.data.graphs._pickled import read_object
from archwright.errors import UserError

ROOT = Path(os.environ.get("ARCHWRIGHT_DATA", "/nowhere"))
needs = pytest.mark.skipif(not (ROOT / "graphs").is_dir(), reason="ARCHWRIGHT_DATA does not hold graphs/")

SIZES = {  # nodes, features, directed edges, classes, training, validation and test nodes
    "cora": (2_708, 1_433, 10_556, 7, 140, 500, 1_000),
    "citeseer": (3_327, 3_703, 9_104, 6, 120, 500, 1_000),
    "photo": (7_487, 745, 238_086, 8, 160, 240, 7_087),
    "computers": (13_381, 767, 491_556, 10, 200, 300, 12_881),
    "cs": (18_333, 6_805, 163_788, 15, 300, 450, 17_583),
    "physics": (34_493, 8_415, 495_924, 5, 100, 150, 34_243),
}


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def test_names() -> None:
    assert graphs.names() == sorted(SIZES)


@needs
@pytest.mark.parametrize("name", SIZES)
def test_sizes_and_splits(name: str) -> None:
    graph = graphs.load(name)
    nodes, features, edges, classes, *parts = SIZES[name]
    assert (graph.nodes, graph.features, graph.edge_index.shape[1], graph.classes) == (nodes, features, edges, classes)
    assert [int(mask.sum()) for mask in (graph.train, graph.valid, graph.test)] == parts
    source, target = graph.edge_index
    assert not (source == target).any()
    forth, back = target * nodes + source, source * nodes + target
    assert torch.equal(forth, forth.sort().values)
    assert torch.equal(forth, back.sort().values)
    counts = torch.bincount(graph.y[graph.train])
    assert counts.tolist() == [20] * classes
    assert f"{nodes} nodes" in repr(graph)


@needs
def test_the_public_split_has_no_seed_and_the_others_follow_theirs() -> None:
    assert graphs.load("cora", seed=5).seed is None
    assert torch.equal(graphs.load("cora", seed=5).train, graphs.load("cora").train)
    first, again, other = (graphs.load("photo", seed=seed, train=5, valid=3) for seed in (0, 0, 1))
    assert torch.equal(first.train, again.train)
    assert not torch.equal(first.train, other.train)
    assert torch.bincount(first.y[first.valid]).tolist() == [3] * 8
    assert first.fingerprint == other.fingerprint != graphs.load("cora").fingerprint


@needs
def test_unlabelled_nodes_are_in_no_part() -> None:
    graph = graphs.load("citeseer")
    assert int((graph.y == -1).sum()) == 15
    assert not (graph.train | graph.valid | graph.test)[graph.y == -1].any()


@needs
def test_normalised_features_sum_to_one() -> None:
    sums = graphs.load("cora", normalise=True).x.to_dense().sum(1)
    torch.testing.assert_close(sums[sums > 0], torch.ones(int((sums > 0).sum())))
    assert graphs.load("cora").x.to_dense().unique().tolist() == [0.0, 1.0]


def write(folder: Path, name: str = "photo", **changes: Any) -> Path:
    """Two triangles and a lone pair; 3 features."""
    arrays = {
        "indptr": np.arange(9),
        "indices": np.arange(8) % 3,
        "shape": np.array([8, 3]),
        "edges": np.array([[0, 1], [1, 2], [2, 0], [2, 3], [3, 4], [4, 5], [5, 3], [6, 7], [1, 1], [1, 0]]),
        "y": np.array([0, 1, 0, 1, 0, 1, 0, 1]),
    } | changes
    path = folder / "graphs" / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def test_the_largest_component_loops_and_repeated_edges(tmp_path: Path) -> None:
    write(tmp_path)
    graph = graphs.load("photo", train=1, valid=1, root=tmp_path)
    assert graph.nodes == 6
    assert graph.edge_index.shape == (2, 14)
    assert [int(mask.sum()) for mask in (graph.train, graph.valid, graph.test)] == [2, 2, 2]
    assert torch.equal(graph.x.to_dense(), torch.eye(3).repeat(2, 1))


def test_the_whole_graph_where_components_are_kept(tmp_path: Path) -> None:
    write(tmp_path, "cs", data=np.full(8, 3, np.uint8))
    graph = graphs.load("cs", train=1, valid=1, root=tmp_path)
    assert graph.nodes == 8
    assert graph.x.to_dense().max() == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": np.zeros(3, int)}, "cut short"),
        ({"indices": np.zeros(4, int)}, "cut short"),
        ({"edges": None}, "edges missing"),
    ],
)
def test_broken_files(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write(tmp_path, **changes)
    with pytest.raises(UserError, match=message):
        graphs.load("photo", root=tmp_path)


def test_a_truncated_file(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match="photo"):
        graphs.load("photo", root=tmp_path)


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'cora'"):
        graphs.load("corra")
    with pytest.raises(UserError, match="500 features"):
        graphs.load("pubmed")
    with pytest.raises(UserError, match="seed"):
        graphs.load("cora", seed=-1)
    write(tmp_path)
    with pytest.raises(UserError, match="class 0 has 3 nodes; more than 2 \\+ 1"):
        graphs.load("photo", root=tmp_path, train=2, valid=1)
    with pytest.raises(UserError, match="'cora' is not in"):
        graphs.load("cora", root=tmp_path)


def test_largest_component() -> None:
    edges = np.array([[4, 3], [3, 1], [0, 2]])
    assert graphs.largest_component(edges, 6).tolist() == [1, 3, 4]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": torch.zeros(2, 3)}, "4 labels but features"),
        ({"edge_index": torch.zeros(2, 3)}, "int64"),
        ({"edge_index": torch.tensor([[0], [4]])}, "0 to 4, but there are 4"),
        ({"y": torch.tensor([0, 1, 0, 2])}, "labels"),
        ({"train": torch.ones(4)}, "bool"),
        ({"valid": torch.tensor([True, False, False, False])}, "overlap"),
        ({"y": torch.tensor([-1, 1, 0, 1])}, "without a label"),
    ],
)
def test_graphs_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    first, second, third = (torch.arange(4) == i for i in range(3))
    graph = Graph(
        name="four", x=torch.zeros(4, 3), edge_index=torch.tensor([[0], [1]]), y=torch.tensor([0, 1, 0, 1]), classes=2,
        train=first, valid=second, test=third,
    )  # fmt: skip
    with pytest.raises(UserError, match=message):
        dataclasses.replace(graph, **changes)


# downloads ------------------------------------------------------------------------------------------------------------


class _Matrix:
    """Pickled under the name of a SciPy matrix of old."""

    def __init__(self, dense: np.ndarray) -> None:
        from scipy.sparse import csr_array

        matrix = csr_array(dense)
        self.indptr, self.indices, self.data, self._shape = matrix.indptr, matrix.indices, matrix.data, dense.shape


def pickled(thing: object) -> bytes:
    text = pickle.dumps(thing, protocol=3)
    here = f"c{_Matrix.__module__}\n_Matrix\n".encode()
    arrays = text.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    return arrays.replace(here, b"cscipy.sparse.csr\ncsr_matrix\n")


def test_the_planetoid_format(tmp_path: Path) -> None:
    """Five nodes, of which 2 to 4 are for test; 3 is in no file, as some of citeseer."""
    one_hot = np.eye(2, dtype=np.int32)
    parts = {
        "tx": pickled(_Matrix(np.array([[0.0, 4.0], [3.0, 0.0]], np.float32))),  # nodes 4 and 2
        "allx": pickled(_Matrix(np.array([[1.0, 0.0], [0.0, 2.0]], np.float32))),
        "y": pickled(one_hot[[0]]),
        "ty": pickled(one_hot[[1, 0]]),
        "ally": pickled(one_hot[[0, 1]]),
        "graph": pickled(collections.defaultdict(list, {0: [1], 1: [0, 4], 2: [4], 4: [1, 2]})),
        "test.index": b"4\n2\n",
    }
    files = [tmp_path / part for part in parts]
    for file, content in zip(files, parts.values(), strict=True):
        file.write_bytes(content)
    raw = _from_planetoid(files)
    x = np.zeros((5, 2))
    for row, column, value in zip(np.repeat(np.arange(5), np.diff(raw.indptr)), raw.indices, raw.data, strict=True):
        x[row, column] = value
    assert x.tolist() == [[1, 0], [0, 2], [3, 0], [0, 0], [0, 4]]
    assert raw.y.tolist() == [0, 1, 0, -1, 1]
    assert {tuple(edge) for edge in raw.edges.tolist()} == {(0, 1), (1, 0), (1, 4), (4, 1), (2, 4), (4, 2)}
    assert [nodes.tolist() for nodes in (raw.split[0], raw.split[2])] == [[0], [2, 4]]


def test_a_pickle_that_would_run_something_is_refused() -> None:
    with pytest.raises(UserError, match=r"posix\.system|nt\.system"):
        read_object(pickle.dumps(os.system))


def test_every_graph_has_checksums() -> None:
    assert set(SHA256) == set(graphs.names())
    assert all(len(checksum) == 64 for files in SHA256.values() for checksum in files.values())
