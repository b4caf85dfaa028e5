"""The files that tables are kept in: where they are looked for, where they come from, and that they are whole."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from archwright.bench.sources import ORIGINALS, SOURCES, Arrays, content_digest, fetched
from archwright.data._npz import load_arrays
from archwright.data._storage import VARIABLE, data_folders
from archwright.errors import ArchwrightError, UserError

__all__ = ["CONTENT", "Arrays", "read_table", "read_table_if_present", "table_path"]

FOLDER = "nas"
CONTENT = {
    "conv_macro.npz": "4e9343bce29ad24c5592543f69d9f6e21688b2ba83ad593ed32ed95f325b0971",
    "entangled_cell.npz": "ae1683800f0d8feb55fa267d23cbcf3b236a9c1d2709529b48696bb32da0c630",
    "nasbench101.npz": "afde2b647abfd258be7e20a134601cc6365648cf155f777b082eee5d9afc2159",
    "nasbench201.npz": "2b73337539b663da0057e61095728c3bf563d45331ab42de84b6e48df968f9af",
    "nasbench201_fewshot_scores.npz": "b3f2e537b45a9e19c7c2d6f9dd1167e06779d6f8a8ed645ab80d84de6018fb93",
    "nasbench201_hardware.npz": "0e9541da0d0d86964dd8cc405af9df42856906dc3d234b7cda6dd39f57e0fc99",
    "nasbench201_zerocost.npz": "a65e0b5620131f60c7c23290f97a4d35332cbd0f26dfba141af4ecab7fcc468c",
    "nasbench_graph.npz": "27bdf97f0ee8cc37d79fcaa40398f7764d02fca2e0095942c0cb8e30bf80594d",
    "nasbench_macro.npz": "337aa8c16adfdf0d874ea42028e119668b05f50b74b1bb00362e0fddf5a33680",
    "nats_size_cifar10.npz": "b805a974a2c7fa6ba17da2d044f9646dc8336f9ff6e8658bc5473fb3c3abee36",
    "transnasbench101.npz": "27799ce3bfcb2c54fe9d6b1c74559447b786a651958f775cccb6352dd8c01712",
}
"""`content_digest` of each table. A file that says anything else was cut short or changed."""

_logger = logging.getLogger(__name__)


def read_table(file: str, root: Path | None = None, *, beside: Sequence[str] = ()) -> Arrays:
    """Every array of `nas/<file>`, which is fetched from its publishers if it is not there.

    Args:
        file: one of the names in `CONTENT`.
        root: folder that holds `nas/`; None: `$ARCHWRIGHT_DATA`, then the cache folder. Downloads go into the first.
        beside: tables to fetch along with it, as far as they can be had.

    Raises:
        UserError: neither there nor to be had, or not the table that was published.
    """
    path = _present(file, root)
    if path is None:
        path = table_path(file, root)
        for other in beside:
            try:
                table_path(other, root)
            except UserError as error:
                _logger.warning("%s", error)
    return _checked(path)


def read_table_if_present(file: str, root: Path | None = None) -> Arrays:
    """As `read_table`, but nothing where there is no such file.

    Raises:
        UserError: there, but not the table that was published.
    """
    path = _present(file, root)
    return {} if path is None else _checked(path)


def table_path(file: str, root: Path | None = None) -> Path:
    """Where a table is, after fetching it if it is not there.

    Raises:
        UserError: neither there nor to be had.
    """
    found = _present(file, root)
    if found is not None:
        return found
    folders = [folder / FOLDER for folder in data_folders(root)]
    try:
        return fetched(file, SOURCES[file], CONTENT[file], folders[0])
    except ArchwrightError as error:
        looked = " or ".join(map(str, folders))
        raise UserError(
            f"no table {file} in {looked}, and {error}; go online, put its published files below "
            f"{folders[0] / ORIGINALS}, or set {VARIABLE} to the folder that holds {FOLDER}/{file}"
        ) from error


def _present(file: str, root: Path | None) -> Path | None:
    places = [folder / FOLDER / file for folder in data_folders(root)]
    return next((place for place in places if place.is_file()), None)


def _checked(path: Path) -> Arrays:
    wrong = f"{path} ({path.stat().st_size:,} bytes) was cut short or changed"
    advice = "remove it to have it fetched again"
    try:
        arrays = load_arrays(path)
    except UserError as error:
        raise UserError(f"{wrong}: it is not a readable .npz file; {advice}") from error
    found = content_digest(arrays)
    if found != CONTENT[path.name]:
        raise UserError(
            f"{wrong}: the sha256 of its arrays begins with {found[:12]}, expected {CONTENT[path.name][:12]}; {advice}"
        )
    return arrays
