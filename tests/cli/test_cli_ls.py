import json

import pytest

from archwright import parts, recipes
from archwright.cli import main
from archwright.cli._ls import KINDS


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("recipes", "devices")])
def test_every_registered_name_is_listed_with_a_line_about_it(kind, capsys):
    assert main(["ls", kind, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)[kind]
    assert list(listed) == parts.registry(KINDS[kind]).names()
    assert all(listed.values()), "every part has a docstring"


def test_recipes_are_listed_with_their_own_words(capsys):
    assert main(["ls", "recipes"]) == 0
    said = capsys.readouterr().out
    assert all(name in said and recipes.about(name) in said for name in recipes.names())


def test_wildcards(capsys):
    assert main(["ls", "strategies", "optuna-*"]) == 0
    said = capsys.readouterr().out
    assert "optuna-tpe" in said
    assert "regularized" not in said


def test_devices_always_have_the_processor(capsys):
    assert main(["ls", "devices"]) == 0
    assert "cpu" in capsys.readouterr().out


def test_everything(capsys):
    assert main(["ls"]) == 0
    said = capsys.readouterr().out
    assert all(f"{kind}\n" in said for kind in KINDS)


def test_one_part_shows_its_settings(capsys):
    assert main(["ls", "phases", "train-supernet"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    assert rows["sampler"].split(None, 1)[1].startswith("a sampler")
    assert rows["trainer.lr"].split() == ["trainer.lr", "a", "number", "0.1"]


@pytest.mark.parametrize("kind", ["spaces", "strategies", "estimators", "samplers", "phases"])
def test_settings_of_every_registered_part_can_be_shown(kind, capsys):
    for name in parts.registry(KINDS[kind]).names():
        assert main(["ls", kind, name]) == 0
        assert "setting" in capsys.readouterr().out
