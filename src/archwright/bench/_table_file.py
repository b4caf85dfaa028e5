"""The files that tables are kept in: where they are looked for, and that they are whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from archwright.data._download import file_digest
from archwright.data._npz import load_arrays
from archwright.data._storage import VARIABLE, data_folders
from archwright.errors import UserError

FOLDER = "nas"
SHA256 = {
    "nasbench101.npz": "f693ffcd305d8e4b569b1405c1fef0c21fedcb9aee2c96aa4bf9849058e4c624",
    "nasbench201.npz": "80c4807de42b15f835790812495ddbcccf912ad4a78aa899ca8ff1c8dc1cc997",
    "nasbench201_fewshot_scores.npz": "1f53d8dd038b484e8dc5b427a33b39a1a11ed791a9590f917032221dafd719c4",
    "nasbench201_hardware.npz": "6c3eee054afe5c152d5a7fe9f824a7bdea85689801e97f82f706a371d8cf8660",
    "nasbench201_zerocost.npz": "2d911a02412d4c1a1a4608925fc18b5152a633d029c2518828e998d89ccb3952",
    "nasbench_graph.npz": "a12ad4bb4164a3c8b8ef4cd831dc096b0af7a643eddb51449ec087874cd7bf46",
    "nasbench_macro.npz": "289c814b9f3c4396037f5684d3a1c262a45230cf663b9fc68966f2e09fefd9c2",
    "nats_size_cifar10.npz": "9921c507ccc5794cf44acea8814c9d49beea5ccafb6abe55c7f2ca8073534460",
    "transnasbench101.npz": "b5aa0d34d8d5170d1c2fab39f7f20952b2b78b147fbb6eee779831fdb0f47bc1",
}
"""What the compact tables hash to. A file that differs was cut short or changed."""

Arrays = Mapping[str, NDArray[Any]]


def read_table(file: str, root: Path | None = None) -> Arrays:
    """Every array of `nas/<file>`.

    Args:
        file: one of the names in `SHA256`.
        root: folder that holds `nas/`; None: `$ARCHWRIGHT_DATA`, then the cache folder.

    Raises:
        UserError: not there, or not the bytes that were published.
    """
    places = [folder / FOLDER / file for folder in data_folders(root)]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        looked = " or ".join(map(str, places))
        raise UserError(
            f"no table {file}: looked for {looked}; set {VARIABLE} to the folder that holds {FOLDER}/{file}"
        )
    found = file_digest(path, "sha256")
    if found != SHA256[file]:
        raise UserError(
            f"{path} ({path.stat().st_size:,} bytes) was cut short or changed: its sha256 begins with {found[:12]}, "
            f"expected {SHA256[file][:12]}; fetch it again"
        )
    return load_arrays(path)


def read_table_if_present(file: str, root: Path | None = None) -> Arrays:
    """As `read_table`, but nothing where there is no such file.

    Raises:
        UserError: there, but not the bytes that were published.
    """
    there = any((folder / FOLDER / file).is_file() for folder in data_folders(root))
    return read_table(file, root) if there else {}
