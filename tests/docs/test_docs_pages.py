"""The pages name what exists: every command, option, recipe and room has its place."""

import re
from pathlib import Path

import pytest

from archwright import recipes
from archwright.cli._main import COMMANDS, parser

DOCS = Path(__file__).parents[2] / "docs"
ROOMS = sorted(file.parent.name for file in (DOCS.parent / "src/archwright").glob("*/__init__.py"))
WITHOUT_PAGE = {"cli"}  # its page is the list of commands


@pytest.fixture(scope="module")
def commands() -> str:
    return (DOCS / "reference/cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_described(name, commands):
    assert f"| `archwright {name}" in commands


def test_every_option_of_search_is_described(commands):
    search = parser()._subparsers._group_actions[0].choices["search"]
    assert [flag for flag in search.flags() if flag not in ("--help", "--debug") and f"`{flag}" not in commands] == []


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_has_a_page(name):
    page = DOCS / ("explanation/default-recipe.md" if name == "default" else f"systems/{name}.md")
    assert page.is_file()


@pytest.mark.parametrize("room", [room for room in ROOMS if room not in WITHOUT_PAGE])
def test_every_room_has_a_reference(room):
    assert f"::: archwright.{room}\n" in (DOCS / f"reference/{room}.md").read_text(encoding="utf-8")


def test_all_questions_are_answered():
    numbers = re.findall(r"^### (\d+)\. ", (DOCS / "faq.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert numbers == [str(n) for n in range(1, 26)]


def test_every_page_is_in_the_navigation():
    named = set(re.findall(r": ([\w/-]+\.md)$", (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE))
    assert named == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
