"""The recipes that ship with the package, and recipes of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archwright.errors import UserError, nearest
from archwright.recipes._overrides import override
from archwright.recipes._yaml import parse

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Names of the shipped recipes, sorted."""
    return sorted(file.stem for file in _FOLDER.glob("*.yaml"))


def path(name: str) -> Path:
    """The file of the shipped recipe `name`.

    Raises:
        UserError: no such recipe; the message lists the close ones.
    """
    if name not in names():
        raise UserError(f"unknown recipe {name!r}{nearest(name, names())}, or the path of a .yaml file")
    return _FOLDER / f"{name}.yaml"


def read(name_or_path: str | Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """A recipe as a plain mapping, not checked yet.

    A file may name code to import under `net:`. A file that came from elsewhere must not run code just by being used,
    so `net` counts only if the caller repeats it among the overrides.

    Args:
        name_or_path: name of a shipped recipe, or path of a YAML file.
        overrides: `key.sub=value` each; lists are indexed by number, phases by their name: `phases.search.trials=50`.

    Raises:
        UserError: no such recipe or file, not YAML, not a mapping, an override that leads nowhere, `net` not repeated.
    """
    file = _file(name_or_path)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read recipe {str(file)!r}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"cannot read recipe {str(file)!r}: not text ({error.reason})") from None
    mapping = parse(text, str(file))
    if not isinstance(mapping, dict):
        raise UserError(f"{file}: a recipe is a mapping of keys, got {type(mapping).__name__}")
    net = mapping.get("net")
    if net is not None and not any(change.partition("=")[0].strip() == "net" for change in overrides):
        raise UserError(f"{file} imports code ({net}); if you trust it, say so by repeating it: net={net}")
    return override(mapping, overrides)


def about(name_or_path: str | Path) -> str:
    """The recipe's own one-line description (`about:`), or an empty text."""
    mapping = parse(_file(name_or_path).read_text(encoding="utf-8"), str(name_or_path))
    return str(mapping.get("about", "")) if isinstance(mapping, dict) else ""


def by_gradient() -> list[str]:
    """Names of the shipped recipes that search by gradient, sorted."""
    return [name for name in names() if "search-by-gradient" in path(name).read_text(encoding="utf-8")]


def _file(name_or_path: str | Path) -> Path:
    file = Path(name_or_path)
    looks_like_path = isinstance(name_or_path, Path) or file.suffix in (".yaml", ".yml") or len(file.parts) > 1
    return file if looks_like_path else path(str(name_or_path))
