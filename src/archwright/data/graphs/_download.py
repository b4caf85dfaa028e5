"""Where the graphs come from when they are not here: EdisonLeeeee/GraphData (MIT), at one commit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archwright.data._download import download
from archwright.data._storage import not_found
from archwright.data.graphs._compact import Raw
from archwright.data.graphs._pickled import Matrix, read_object, read_objects
from archwright.errors import ArchwrightError

_URL = "https://raw.githubusercontent.com/EdisonLeeeee/GraphData/f8022c26b917346f2a461ffec0ec5ae24b36de68/datasets/"
SHA256 = {
    "photo": {"amazon_photo.npz": "bdb98b54cd3125bfa69b23ba0aae84fabcb770c6727175b8f6eb1d64f3be4b2b"},
    "computers": {"amazon_cs.npz": "a6942db609f196b53503d91b99a02ad8d052d5d9be8ef41db976fb65f66ed1f3"},
    "cs": {"coauthor_cs.npz": "7b7b51bf270d341f1c4231834c58a526bb04db003fd76a6d2f51ad7d252005ed"},
    "physics": {"coauthor_phy.npz": "1c930d99910763bc5f0c1aa90e8baa945f5ad6027663fe5332d0f08fde33cd7d"},
    "cora": {
        "planetoid/ind.cora.tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
        "planetoid/ind.cora.allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
        "planetoid/ind.cora.y": "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1",
        "planetoid/ind.cora.ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
        "planetoid/ind.cora.ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
        "planetoid/ind.cora.graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
        "planetoid/ind.cora.test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
    },
    "citeseer": {
        "planetoid/ind.citeseer.tx": "539a8906a2da97628d212f2fdd668c109a8b3f0d36574b59e5d3fd5b5303da21",
        "planetoid/ind.citeseer.allx": "2ac30345d95c9ec933a817ee0bdd6a5f077f8c184a20e696910192d534414668",
        "planetoid/ind.citeseer.y": "8ba87e515d8e3ee3cf52f6d2c5b86aa73f11ecad825a808455209ec26cd54924",
        "planetoid/ind.citeseer.ty": "55e5bd1ba1e733a04598753ad1a8d57957f4b8f89e74519f41f4f4938767e4ce",
        "planetoid/ind.citeseer.ally": "f704b2d986dde6c2669934de1f3ae5696a6cf9455c0f6b2646a2d135ea0a1c95",
        "planetoid/ind.citeseer.graph": "d79a4ef9d3e7169aee8946145f6b7306e35bc79bffad26346cfb94e10e9912a7",
        "planetoid/ind.citeseer.test.index": "2af990671580b6b2df5d158d1038f8292e30c9cd821b5453f399659b25b723d4",
    },
}
"""Files of each graph and their checksums."""


def downloaded(name: str, folders: Sequence[Path]) -> Raw:
    """The graph from its public source, kept in the first of `folders` under `graphs/<name>/`.

    Raises:
        UserError: it is neither there nor to be had.
    """
    target = folders[0] / "graphs" / name
    try:
        files = [download(_URL + file, checksum, target) for file, checksum in SHA256[name].items()]
    except ArchwrightError as error:
        raise not_found(name, [folder / "graphs" for folder in folders], str(error)) from error
    return _from_planetoid(files) if len(files) > 1 else _from_npz(files[0])


def _from_npz(path: Path) -> Raw:
    """Matrices `adj_matrix` and `node_attr`, classes `node_label`."""
    arrays = read_objects(path, ("adj_matrix", "node_attr", "node_label"))
    adjacency, x = Matrix.of(arrays["adj_matrix"]), Matrix.of(arrays["node_attr"])
    return Raw(x.indptr, x.indices, x.data, x.shape, adjacency.entries(), np.asarray(arrays["node_label"], np.int64))


def _from_planetoid(files: Sequence[Path]) -> Raw:
    """Files tx, allx, y, ty, ally, graph, test.index of Yang et al. 2016; nodes that no file names have no label."""
    tx, allx, y, ty, ally, graph = (read_object(file.read_bytes()) for file in files[:-1])
    test = np.loadtxt(files[-1], dtype=np.int64)
    known = len(ally)
    nodes = max(len(graph), int(test.max()) + 1)
    x = Matrix.of(allx).above(Matrix.of(tx), rows=[*range(known), *test.tolist()], total=nodes)
    label = np.full(nodes, -1)
    for rows, one_hot in ((np.arange(known), ally), (test, ty)):
        label[rows] = np.where(one_hot.any(1), one_hot.argmax(1), -1)
    edges = np.array([(node, other) for node, others in graph.items() for other in others])
    split: tuple[NDArray[np.int64], ...] = (np.arange(len(y)), np.arange(len(y), len(y) + 500), np.sort(test))
    return Raw(x.indptr, x.indices, x.data, x.shape, edges, label, split)
