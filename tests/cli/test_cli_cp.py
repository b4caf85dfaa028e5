from archwright import recipes
from archwright.cli import main


def test_copy_is_the_file_with_its_comments(tmp_path, capsys):
    target = tmp_path / "mine.yaml"
    assert main(["cp", "default", str(target)]) == 0
    assert target.read_text() == recipes.path("default").read_text()
    assert f"archwright run {target} data=DATA" in capsys.readouterr().out


def test_a_folder_gets_the_name_of_the_recipe(tmp_path):
    assert main(["cp", "spos", str(tmp_path)]) == 0
    assert (tmp_path / "spos.yaml").is_file()


def test_nothing_is_overwritten_unless_forced(tmp_path, capsys):
    target = tmp_path / "mine.yaml"
    target.write_text("precious")
    assert main(["cp", "default", str(target)]) == 2
    assert "exists; --force replaces it" in capsys.readouterr().err
    assert target.read_text() == "precious"
    assert main(["cp", "default", str(target), "--force"]) == 0
    assert target.read_text() != "precious"


def test_unknown_recipe(tmp_path, capsys):
    assert main(["cp", "defalt", str(tmp_path / "x.yaml")]) == 2
    assert "did you mean 'default'" in capsys.readouterr().err


def test_no_such_folder(tmp_path, capsys):
    assert main(["cp", "default", str(tmp_path / "none" / "x.yaml")]) == 2
    assert "cannot write" in capsys.readouterr().err
