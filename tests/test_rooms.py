"""The house: which room may know which, what is light to import, and what is nowhere."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "archwright"
TESTS = Path(__file__).parent

FLOORS = [
    {"errors", "versions"},
    {"statistics"},
    {"registry"},
    {"space"},
    {"trial"},
    {"data", "cost"},
    {"train"},
    {"supernet"},
    {"zoo"},
    {"estimate"},
    {"search", "gradient", "compress"},
    {"export"},
    {"bench"},
    {"study"},
    {"report"},
    {"parts"},
    {"run"},
    {"recipes"},
    {"_design", "cli", "sklearn", "testing"},
    {"__init__", "__main__"},
]
"""Lowest first: a room imports only from lower floors, not from its neighbours. Imports for types alone and imports
inside functions count too."""

HEIGHT = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(SOURCE.rglob("*.py"))


def room_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def known_rooms(tree: ast.AST) -> set[str]:
    """Rooms of archwright that a module imports from, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "archwright":
            modules = [f"archwright.{alias.name}" for alias in node.names if not alias.name.startswith("__")]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
        found |= {m.split(".")[1] for m in modules if m.startswith("archwright.")}
    return found


def test_every_room_is_on_a_floor() -> None:
    assert {room_of(file) for file in FILES} == set(HEIGHT)


def test_rooms_import_from_lower_floors_only() -> None:
    against = set()
    for file in FILES:
        room = room_of(file)
        for other in known_rooms(ast.parse(file.read_text(encoding="utf-8"))) - {room}:
            if HEIGHT[other] >= HEIGHT[room]:
                against.add((file.relative_to(SOURCE).as_posix(), other))
    assert against == set()


def test_no_relative_imports() -> None:
    """They would hide from the test above."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{file}:{node.lineno}"


def test_the_reader_of_imports_sees_all_kinds() -> None:
    text = """
import archwright.data.augmentation
from archwright import cost, __version__
if TYPE_CHECKING:
    from archwright.run._config import Config
def late():
    from archwright.space import Arch
"""
    assert known_rooms(ast.parse(text)) == {"data", "cost", "run", "space"}


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("archwright", ["numpy", "torch", "optuna", "networkx", "pydantic"]),
        ("archwright.errors", ["numpy", "torch", "optuna"]),
        ("archwright.space", ["torch", "optuna"]),
        ("archwright.trial", ["torch", "optuna"]),
        ("archwright.search", ["torch", "optuna"]),
        ("archwright.supernet", ["optuna", "onnx", "pandas", "plotly", "sklearn"]),
        ("archwright.zoo", ["optuna", "onnx", "pandas", "plotly", "sklearn"]),
    ],
)
def test_what_is_light_to_import(module: str, heavy: list[str]) -> None:
    code = f"import sys, {module}; print(*(m for m in {heavy!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("room", sorted(room for room in HEIGHT if (SOURCE / room / "__init__.py").is_file()))
def test_what_a_room_lists_is_there(room: str) -> None:
    module = importlib.import_module(f"archwright.{room}")
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_no_evaluation_of_text_star_imports_or_bare_excepts() -> None:
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            where = f"{file}:{getattr(node, 'lineno', 0)}"
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            assert not (called and node.func.id in ("eval", "exec")), where
            assert not (isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names)), where
            assert not (isinstance(node, ast.ExceptHandler) and node.type is None), where


def test_files_are_short() -> None:
    long = {
        str(file): lines
        for file in [*FILES, *sorted(TESTS.rglob("*.py"))]
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) >= 500
    }
    assert long == {}
