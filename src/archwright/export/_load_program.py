"""Programs of `torch.export` from files, without running what strangers put there."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from archwright.errors import UserError

_TARGETS = re.compile(
    r"^(torch\.ops\.(aten\.(?!from_file\b)|higher_order\.)[\w.]+|torch\.sym_\w+|math\.\w+"
    r"|_operator\.(add|sub|mul|floordiv|truediv|mod|pow|neg|pos|abs|getitem|eq|ne|lt|le|gt|ge|and_|or_|not_))$"
)
_CODE = ("/data/aotinductor/", "/data/constants/custom_obj", "/data/constants/opaque_obj")
_SIZES = re.compile(r"^[\w\s+\-*/%(),.=<>'&|~]*$", re.ASCII)  # sympy evaluates them
_SIZE_NAMES = re.compile(
    r"^([suz]\d+|\d+|True|False|positive|integer|nonnegative|negative|real|zero|Symbol|Integer|Rational|Float|Add|Mul"
    r"|Pow|Mod|Max|Min|FloorDiv|CeilDiv|CleanDiv|PythonMod|IntTrueDiv|TruncToInt|CeilToInt|FloorToInt|Eq|Ne|Lt|Le|Gt|Ge"
    r"|And|Or|Not|Equality|Unequality|StrictLessThan|LessThan|StrictGreaterThan|GreaterThan|oo|int_oo|evaluate)$"
)
_ATTRIBUTES = {"size", "shape", "dtype", "device", "ndim", "stride"}
_CALLS = {"size", "stride", "len"}


def load_program(path: str | Path, *, trust: bool = False) -> ExportedProgram:
    """The program in a `.pt2` file.

    PyTorch's reader unpickles and evaluates parts of such a file. Unless it is trusted, it is refused if it has pickles
    of more than tensors, compiled code, functions other than PyTorch's operators, or sizes and guards that are more
    than arithmetic.

    Args:
        path: of the file.
        trust: read whatever is there.

    Raises:
        UserError: no such file, one that cannot be read, or one that would run code.
    """
    file = Path(path)
    if not file.is_file():
        raise UserError(f"no file {str(file)!r}")
    log = logging.getLogger("torch.export")
    before = log.level
    try:
        strange = None if trust else next(_strange(file), None)
        if strange is None:
            log.setLevel(logging.ERROR + 1)
            return torch.export.load(file)
    except Exception as error:  # its reader raises whatever the damage makes it
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{file} is not a readable torch.export program: {reason}") from None
    finally:
        log.setLevel(before)
    raise UserError(
        f"{file} holds {strange}, and reading it would run code of whoever made it; add --trust if you trust its maker"
    )


def _strange(file: Path) -> Iterator[str]:
    """What a file of `torch.export.save` of a plain network does not have."""
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if not any(name.endswith("/archive_format") for name in names):
            yield "a program of an old version"
        if len(set(names)) < len(names):
            yield "two files of one name"
        for name in names:
            inner = "/" + name.partition("/")[2]
            if inner.startswith(_CODE):
                yield f"compiled code or an object ({name})"
            elif inner.startswith("/data/sample_inputs/") and not _tensors_only(archive.read(name)):
                yield "a pickle of more than tensors"
            elif inner.endswith("_config.json"):
                yield from _strange_payload(archive, name)
            elif inner.startswith("/models/"):
                yield from _strange_model(json.loads(archive.read(name)))


def _tensors_only(pickled: bytes) -> bool:
    try:
        torch.load(io.BytesIO(pickled), weights_only=True)
    except Exception:  # whatever is in there
        return False
    return True


def _strange_payload(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    folder = name.rpartition("/")[0]
    for payload in json.loads(archive.read(name))["config"].values():
        if payload["use_pickle"] and not _tensors_only(archive.read(f"{folder}/{payload['path_name']}")):
            yield "a pickle of more than tensors"


def _strange_model(model: dict[str, Any]) -> Iterator[str]:
    for key, value in _texts(model):
        if key == "target" and not _TARGETS.match(value):
            yield f"the function {value[:60]!r}"
        if key == "expr_str" and not _is_size(value):
            yield f"the size {value[:60]!r}"
    for name in model.get("range_constraints", {}):
        if not _is_size(name):
            yield f"the size {name[:60]!r}"
    for guard in model.get("guards_code", []):
        if not _is_guard(guard):
            yield f"the guard {guard[:60]!r}"


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Texts with the names of their fields, nested ones of graphs included; metadata are not evaluated."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "metadata":
                yield from _texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, key)
    elif isinstance(value, str):
        yield key, value


def _is_size(text: str) -> bool:
    return bool(_SIZES.match(text)) and all(_SIZE_NAMES.match(word) for word in re.findall(r"\w+", text))


def _is_guard(text: str) -> bool:
    """Whether it only compares sizes and types."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr not in _ATTRIBUTES and not _is_torch(node):
            return False
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called not in _CALLS:
                return False
        if isinstance(node, ast.Lambda | ast.NamedExpr | ast.ListComp | ast.GeneratorExp | ast.JoinedStr):
            return False
    return True


def _is_torch(node: ast.Attribute) -> bool:
    """A type such as torch.float32."""
    return isinstance(node.value, ast.Name) and node.value.id == "torch" and not node.attr.startswith("_")
