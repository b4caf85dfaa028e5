"""Bad input to `search`: one line that says what is wrong, the right exit code, before any training; a rerun works."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from archwright import run
from archwright.cli import main

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An own folder, in which no phase may begin."""

    def phase(self, state):
        raise AssertionError("a phase began")

    monkeypatch.chdir(tmp_path)
    for name in ("TrainSupernet", "Search", "Choose", "Train", "Export", "WriteReport"):
        monkeypatch.setattr(getattr(run, name), "__call__", phase)
    return tmp_path


@pytest.fixture
def refused(here, capsys):
    """Runs `search`, which must fail, and gives its only line."""

    def search(words, code=2):
        assert main(["search", *words.split(), "--out", "out"]) == code
        said = capsys.readouterr().err
        assert said.startswith("archwright: error: ")
        assert said.count("\n") == 1
        assert "Traceback" not in said
        assert not (here / "out" / "config.yaml").exists()
        assert not (here / "out" / "split.npz").exists()
        return said

    return search


@pytest.fixture
def photos(here):
    """Two classes of eight images."""
    for name in ("cat", "dog"):
        (here / "photos" / name).mkdir(parents=True)
        for i in range(8):
            Image.fromarray(RNG.integers(0, 255, (12, 12, 3), dtype=np.uint8)).save(here / f"photos/{name}/{i}.png")
    return here / "photos"


def _npz(**arrays):
    arrays = {"x": RNG.normal(size=(60, 1, 8, 8)).astype(np.float32), "y": np.arange(60) % 3} | arrays
    np.savez("data.npz", **{name: value for name, value in arrays.items() if value is not None})


def _table(text):
    with open("table.csv", "w") as file:
        file.write(text)


def test_control_begins_its_first_phase(here, capsys):
    _npz()
    assert main(["search", "data.npz", "--out", "out"]) == 1
    assert "a phase began" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("digit", "unknown data 'digit': no such name, no such path; did you mean 'digits'? Allowed: "),
        ("missing.npz", "unknown data 'missing.npz': no such name, no such path"),
        ("digits --space convnett", "unknown space 'convnett'; did you mean 'convnet'? Allowed: "),
        ("digits --net nomodule:net", "cannot import 'nomodule:net': No module named 'nomodule'"),
        ("digits --net json:loads", "json:loads is called with the keywords in_channels, classes, image_size: missing"),
        ("digits --net builtins:dict", "builtins:dict must return a torch.nn.Module, got dict"),
        ("digits --max-params=-4", "a limit of params is a number above 0 like 150k or 1.5M, got '-4'"),
        ("digits --max-size ten", "a limit of size is a number above 0 like 4MB or 512KiB, got 'ten'"),
        ("digits --label species", "label names a column of a .csv or .parquet table, but the source is digits"),
        ("digits --set space.convnet.width=-1", "convnet: width must be a number above 0, got -1"),
        ("digits --recipe none.yaml", "cannot read recipe 'none.yaml': No such file or directory"),
        ("digits --recipe spso", "unknown recipe 'spso'; did you mean 'spos' or 'snas'?"),
    ],
)
def test_names_and_values(refused, words, message):
    assert message in refused(words)


@pytest.mark.parametrize(
    ("limit", "message"), [("--max-params 10", "params 1,442"), ("--max-flops 10", "flops"), ("--max-size 10", "size")]
)
def test_impossible_limit(refused, limit, message):
    said = refused(f"digits {limit}", code=3)
    assert "no network meets the limits; the nearest of" in said
    assert message.split()[0] in said
    assert "%" in said  # by how much it misses


def test_empty_class_folder(refused, photos):
    (photos / "bird").mkdir()
    assert "class folder photos/bird holds no images (.bmp, " in refused("photos")


@pytest.mark.parametrize("content", ["noise", "half", "empty"])
def test_corrupt_image(refused, photos, content):
    file = photos / "cat" / "3.png"
    whole = file.read_bytes()
    file.write_bytes({"noise": b"\x89PNG\r\n\x1a\nnoise", "half": whole[: len(whole) // 2], "empty": b""}[content])
    assert "photos/cat/3.png" in refused("photos")


def test_one_class_is_no_choice(refused, here):
    (here / "photos" / "cat").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(here / "photos/cat/1.png")
    assert "one folder of images per class, at least 2; found 'cat' only" in refused("photos")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.where(np.arange(3840) == 321, np.nan, 1.0).reshape(60, 1, 8, 8)}, "x holds 1 NaN and 0 infinite"),
        ({"x": np.full((60, 4), np.inf)}, "x holds 0 NaN and 240 infinite values, first in sample 0"),
        ({"y": None}, "data.npz has no array 'y'; found: x"),
        ({"y": np.zeros(50, int)}, "x has 60 samples but y has 50 labels"),
        ({"x": np.array([{}] * 60, object)}, "'x' holds Python objects, which are not loaded for safety"),
    ],
)
def test_npz(refused, arrays, message):
    _npz(**arrays)
    assert message in refused("data.npz")


def test_npz_that_is_none(refused, here):
    (here / "data.npz").write_text("not an archive")
    assert "data.npz is not an .npz file; write x and y with numpy.savez" in refused("data.npz")
    with zipfile.ZipFile(here / "data.npz", "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00broken")
    assert "data.npz is not a readable .npz file" in refused("data.npz")


@pytest.mark.parametrize(
    ("text", "label", "message"),
    [
        ("a,b\n1,2\n3,4\n", "", "has no column named label, target, class, y; say which one is the label. Columns: a"),
        ("a,b\n1,2\n3,4\n", "--label c", "table.csv has no column 'c'. Allowed: a, b"),
        ("", "", "table.csv is not a readable table"),
        ("a,label\n", "", "table.csv has no rows"),
        ("a,label\n" + "1,x\n" * 9 + "1,\n", "", "1 rows have no value in the label column 'label', first row 10"),
    ],
)  # fmt: skip
def test_table(refused, text, label, message):
    _table(text)
    assert message in refused(f"table.csv {label}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("phases: [{search: {trails: 5}}]", "phases.search: unknown key 'trails'; did you mean 'trials'? Allowed: "),
        ("spcae: convnet\nphases: [choose]", "recipe: unknown key 'spcae'; did you mean 'space' or"),
        ("phases: [serach]", "phases: unknown phase 'serach'; did you mean 'search'? Allowed: "),
        ("phases: [{search: {trials: many}}]", "phases.search.trials: expected a whole number, got 'many' (text)"),
        ("phases: search", "phases: expected a list, one phase each, got 'search'"),
        ("seed: soon\nphases: [choose]", "seed: expected a whole number, got 'soon'"),
        ("phases: [{train: {trainer: {epochs: 0}}}]", "epochs must be an integer of at least 1, got 0"),
        ("- 1", "mine.yaml: a recipe is a mapping of keys, got list"),
        ("phases: }", "mine.yaml: line 1: not YAML"),
        ("recipe: !!python/object/apply:os.mkdir [hacked]", "mine.yaml: line 1: not YAML"),
    ],
)  # fmt: skip
def test_recipe(refused, here, text, message):
    (here / "mine.yaml").write_text(text)
    assert message in refused("digits --recipe mine.yaml")
    assert not (here / "hacked").exists()


def test_output_folder_that_is_a_file(here, capsys):
    (here / "out").write_text("precious")
    assert main(["search", "digits", "--out", "out"]) == 2
    said = capsys.readouterr().err
    assert "cannot use out as run folder: Not a directory" in said or "File exists" in said
    assert (here / "out").read_text() == "precious"


def test_rerun_after_a_mended_mistake(refused, capsys):
    _npz(x=np.full((60, 4), np.nan))
    refused("data.npz")
    refused("data.npz --max-params many")
    _npz()
    assert main(["search", "data.npz", "--out", "out"]) == 1
    assert "a phase began" in capsys.readouterr().err


def test_json_does_not_change_errors(refused):
    assert "unknown data" in refused("digit --json")


def test_debug_shows_the_traceback(capsys):
    assert main(["search", "digit", "--debug"]) == 2
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.splitlines()[-1].startswith("archwright: error: unknown data 'digit'")
