"""NAS-Bench-Graph: graph networks on nine data sets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archwright.bench._benchmark import Benchmark
from archwright.bench._table_file import read_table
from archwright.data.graphs import Graph
from archwright.data.graphs import load as load_graph
from archwright.errors import UserError
from archwright.space import Arch, Space
from archwright.zoo import nasbenchgraph

_EPOCHS = {
    "cora": 400, "citeseer": 400, "pubmed": 500, "cs": 400, "physics": 200, "photo": 500, "computers": 500,
    "arxiv": 500, "proteins": 500,
}  # fmt: skip
_SKIP = nasbenchgraph.OPERATIONS.index("skip")


@final
class NasBenchGraph(Benchmark):
    """NAS-Bench-Graph (Qin et al. 2022, arXiv 2206.09166): 26,206 graph networks on eight data sets, 2,021 on proteins.

    Every encoding of the space is looked up by its canonical form, `archwright.zoo.nasbenchgraph.key`. Values are means
    over three seeds: `test_accuracy` is that of the epoch with the best validation value, ROC-AUC for `proteins`.
    Search by `valid_accuracy`; many architectures tie. `latency_ms` is that of the publisher's machine; `params` on
    `physics` are averages over runs that differ, and for 1,567 architectures no parameter count of a network.

    Args:
        dataset: one of `datasets`.
        root: folder that holds `nas/`; None: `$ARCHWRIGHT_DATA`, then the cache folder.

    Raises:
        UserError: unknown data set; the table is neither there nor to be had, or was cut short or changed.
    """

    name: ClassVar[str] = "nas-bench-graph"
    datasets: ClassVar[tuple[str, ...]] = tuple(_EPOCHS)
    tables: ClassVar[tuple[str, ...]] = ("nasbench_graph.npz",)

    def __init__(self, dataset: str | None = None, root: Path | None = None) -> None:
        dataset = self._checked(dataset)
        table, of = read_table(self.tables[0], root), "proteins_" if dataset == "proteins" else ""
        operations = nasbenchgraph.PROTEINS_OPERATIONS if of else nasbenchgraph.OPERATIONS
        space = nasbenchgraph.space(operations)
        self._root = root
        self._ops = (table[f"{of}ops"] != _SKIP).sum(1)
        super().__init__(
            dataset=dataset,
            space=space,
            rows=_KeyedRows(space, table[f"{of}hash"]),
            columns={
                "valid_accuracy": _scaled(table[f"{dataset}_val"], 100, 4),
                "test_accuracy": _scaled(table[f"{dataset}_test"], 100, 4),
                "params": _scaled(table[f"{dataset}_para"], 10**6, 0),
                "latency_ms": _scaled(table[f"{dataset}_lat"], 1000, 5),
            },
            budgets=(_EPOCHS[dataset],),
        )

    @cached_property
    def _graph(self) -> Graph:
        return load_graph(self.dataset, root=self._root)

    def network(self, arch: Mapping[str, Any], *, seed: int) -> nn.Module:
        """The network of `arch` on its graph: features (N, F) to logits.

        Raises:
            UserError: `arch` is not of the space, or the graph is not at hand (pubmed, arxiv, proteins).
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return nasbenchgraph.network(arch, self._graph)

    def counts(self) -> Mapping[str, NDArray[np.float64]]:
        return {"ops": self._ops.astype(np.float64)}


def _scaled(column: NDArray[np.float32], factor: int, decimals: int) -> NDArray[np.float64]:
    """Without the noise of single precision, so that equal results are equal."""
    return np.round(factor * column.astype(np.float64), decimals)


class _KeyedRows:
    """Rows by the key of the canonical form.

    Args:
        space: of the encodings.
        keys: (n,) keys in the order of the rows.
    """

    def __init__(self, space: Space, keys: NDArray[np.int32]) -> None:
        self._space, self._keys = space, keys
        self._row = np.full(10**5, -1, np.int32)
        self._row[keys] = np.arange(len(keys))

    def __len__(self) -> int:
        return len(self._keys)

    def index(self, arch: Mapping[str, Any]) -> int:
        row = self._row.item(nasbenchgraph.key(arch)) if arch in self._space else -1
        if row < 0:
            raise UserError(f"the table has no entry for {dict(self._space.arch(arch))}")
        return row

    def arch(self, index: int) -> Arch:
        return nasbenchgraph.from_key(self._keys.item(index))
