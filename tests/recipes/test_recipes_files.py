"""Shipped recipes and own files."""

import pytest

from archwright import recipes
from archwright.errors import UserError


def test_unknown_recipe_lists_the_close_ones():
    with pytest.raises(
        UserError, match=r"unknown recipe 'defalt'; did you mean 'default' or 'darts'\?.*or the path of a \.yaml file"
    ):
        recipes.read("defalt")


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="cannot read recipe"):
        recipes.read(tmp_path / "none.yaml")


def test_a_recipe_is_a_mapping(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text("- 1")
    with pytest.raises(UserError, match="a recipe is a mapping of keys, got list"):
        recipes.read(str(file))


def test_code_named_by_a_file_counts_only_when_repeated(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text("net: evil.module:run")
    with pytest.raises(UserError, match=r"imports code \(evil.module:run\); if you trust it, .*net=evil.module:run"):
        recipes.read(file)
    assert recipes.read(file, ["net=evil.module:run"])["net"] == "evil.module:run"
    assert recipes.read(file, ["net=null"])["net"] is None


@pytest.mark.parametrize("name", recipes.names())
def test_shipped_recipes_say_what_they_are(name):
    mapping = recipes.read(name)
    assert mapping["recipe"] == name
    assert mapping["about"] == recipes.about(name)
    assert mapping["about"].endswith(".")
    text = recipes.path(name).read_text()
    assert text.startswith("#"), "a comment says which paper, what differs and how to run"
    assert f"archwright search digits --recipe {name}" in text or name == "default"
