"""Files of the user's own as input of a network: images, arrays, tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archwright.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from archwright.cli._exported import Exported
    from archwright.data import TableEncoder

_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
_COLUMNS = "columns.json"


def inputs(path: str | Path, exported: Exported) -> tuple[list[str], np.ndarray]:
    """Names and raw inputs (N, *shape) float32.

    Args:
        path: an image, a folder of images (searched through), an `.npz` with `x`, or a `.csv` or `.parquet` table.
        exported: the network; images are cut and resized to its size, as image folders are in training.

    Raises:
        UserError: no such file, an unknown kind, or inputs that do not fit the network.
    """
    place = Path(path)
    if place.is_dir():
        files = sorted(file for file in place.rglob("*") if file.suffix.lower() in _IMAGES)
        if not files:
            raise UserError(f"no image in {place}; known are {', '.join(_IMAGES)}")
        return [str(file.relative_to(place)) for file in files], _images(files, exported)
    if not place.is_file():
        raise UserError(f"no file or folder {str(place)!r}")
    suffix = place.suffix.lower()
    if suffix in _IMAGES:
        return [place.name], _images([place], exported)
    if suffix == ".npz":
        x = _arrays(place, exported.shape)
    elif suffix in (".csv", ".parquet"):
        x = _table(place, exported)
    else:
        raise UserError(f"{place} is of no known kind; give an image, a folder of images, .npz, .csv or .parquet")
    return [str(row) for row in range(len(x))], x


def _images(files: Sequence[Path], exported: Exported) -> np.ndarray:
    import numpy as np

    from archwright.data import Images

    if len(exported.shape) != 3 or exported.shape[0] not in (1, 3):
        raise UserError(f"the network takes {_shown(exported.shape)}, not images; give an .npz or a table")
    channels, height, width = exported.shape
    pixels = Images([str(file) for file in files], (channels, height, width))[:].numpy()
    low, high = exported.facts.get("input_range") or (0, 255)
    return (low + pixels.astype(np.float32) * ((high - low) / 255)).astype(np.float32)


def _arrays(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    import numpy as np

    try:
        with np.load(file, allow_pickle=False) as stored:
            if "x" not in stored:
                raise UserError(f"{file} has no array 'x'; it has {', '.join(stored) or 'none'}")
            x = stored["x"]
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read: {error}") from None
    return fitted(x, shape, str(file))


def fitted(x: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    """`x` as (N, *shape) float32: one sample gets its batch axis, one channel its axis, channels last become first.

    Args:
        x: numbers.
        shape: of one input.
        where: file, for the message.

    Raises:
        UserError: another shape, or not numbers.
    """
    import numpy as np

    if x.dtype.kind not in "fiub":
        raise UserError(f"x in {where} must hold numbers, got {x.dtype}")
    image = len(shape) == 3
    if x.shape == shape or (image and shape[0] == 1 and x.shape == shape[1:]):
        x = x[None]
    given = x.shape
    if given[1:] != shape:
        if image and shape[0] == 1 and given[1:] == shape[1:]:
            x = x[:, None]
        elif image and given[1:] == (*shape[1:], shape[0]):
            x = np.moveaxis(x, -1, 1)
        else:
            sizes = ", ".join(map(str, given))
            raise UserError(f"x in {where} has shape ({sizes}), but the network takes {_shown(shape)}")
    return np.ascontiguousarray(x, dtype=np.float32)


def _table(file: Path, exported: Exported) -> np.ndarray:
    import numpy as np
    import pandas as pd

    if len(exported.shape) != 1:
        raise UserError(f"the network takes {_shown(exported.shape)}, not rows of a table")
    try:
        frame = pd.read_parquet(file) if file.suffix.lower() == ".parquet" else _csv(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{file} is not a readable table: {' '.join(str(error).split())}") from None
    encoder = _encoder(exported)
    if encoder is not None:
        return encoder(frame)
    numbers = frame.select_dtypes("number")
    if numbers.shape[1] != exported.shape[0]:
        found = f"{numbers.shape[1]} columns of numbers"
        raise UserError(f"{file} has {found}, but the network takes {_shown(exported.shape)}")
    return numbers.to_numpy(np.float32)


def _encoder(exported: Exported) -> TableEncoder | None:
    """How the columns of the run's table became numbers: stored beside the network, or told by the run's own data."""
    from archwright.data import TableEncoder
    from archwright.run import opened

    stored = exported.folder / _COLUMNS
    if stored.is_file():
        return TableEncoder.from_json(stored.read_text(encoding="utf-8"))
    run = exported.folder.parent
    return opened(run).splits().encoder if (run / "result.json").is_file() else None


def _csv(file: Path) -> pd.DataFrame:
    import pandas as pd

    with file.open(encoding="utf-8-sig") as stream:
        header = stream.readline()
    return pd.read_csv(file, sep=max(",;\t", key=header.count), encoding="utf-8-sig")


def _shown(shape: tuple[int, ...]) -> str:
    return f"(N, {', '.join(map(str, shape))})"
