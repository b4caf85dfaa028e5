"""Dispatch, messages and exit codes."""

import subprocess
import sys

import pytest

from archwright.cli import _doctor, main
from archwright.errors import ArchwrightError, Infeasible, UserError

HEAVY = (
    "torch",
    "numpy",
    "optuna",
    "rich",
    "yaml",
    "pydantic",
    "pandas",
    "sklearn",
    "onnx",
    "networkx",
    "archwright.recipes",
)


def _python(*words):
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=120)


def test_no_arguments_is_a_short_help_and_no_error(capsys):
    assert main([]) == 0
    said = capsys.readouterr()
    assert "archwright search digits" in said.out
    assert said.err == ""


@pytest.mark.parametrize("words", [["--help"], ["search", "--help"], ["--version"]])
def test_help_and_version_exit_0(words, capsys):
    assert main(words) == 0
    assert "archwright" in capsys.readouterr().out


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom archwright.cli import main\nmain(['--help'])\nmain(['search', '--help'])\n"
        f"print('imported:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert "imported: []" in _python("-c", code).stdout


def test_python_dash_m_is_the_same(capsys):
    main([])
    assert _python("-m", "archwright").stdout.split() == capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["serch"], "unknown command 'serch'; did you mean 'search' or 'bench'? Allowed: bench, check, com"),
        (["ls", "strategy"], "unknown kind 'strategy'; did you mean 'strategies'?"),
        (["ls", "strategies", "nsga"], "no strategies match 'nsga'; did you mean 'nsga2'"),
        (["search", "digits", "--trails", "5"], "search: unknown option '--trails'; did you mean '--trials'"),
        (["search", "digits", "--trials", "x"], "argument --trials: expected a whole number of at least 1, got 'x'"),
        (["search", "digits", "--trials", "0"], "argument --trials: expected a whole number of at least 1, got '0'"),
        (["search", "digits", "more"], "archwright search: unexpected argument 'more'"),
        (["search", "digits", "--space", "a", "--net", "b:c"], "argument --net: not allowed with argument --space"),
        (["search"], "search what? Name one of cifar10, cifar100, digits, fashion-mnist, or the path"),
        (["cp", "default"], "the following arguments are required: FILE"),
        (["export", "x", "--format", "onx"], "unknown --format 'onx'; did you mean 'onnx'? Allowed: onnx, torch"),
        (["run", "missing.yaml"], "cannot read recipe 'missing.yaml'"),
        (["predict", "missing", "x.png"], "no network in missing: no such folder"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line_and_exit_2(words, message, capsys):
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.err.startswith("archwright: error: ")
    assert said.err.count("\n") == 1
    assert message in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("no\nsuch  thing"), 2, "archwright: error: no such thing\n"),
        (ArchwrightError("training diverged"), 1, "archwright: error: training diverged\n"),
        (Infeasible("nearest misses params by 5"), 3, "archwright: error: nearest misses params by 5\n"),
        (RuntimeError("bug"), 1, "archwright: error: RuntimeError: bug (--debug shows where)\n"),
        (KeyboardInterrupt(), 130, "\narchwright: interrupted; run the same command again to continue\n"),
        (KeyboardInterrupt("archwright x"), 130, "\narchwright: interrupted; continue with: archwright x\n"),
    ],
)  # fmt: skip
def test_every_error_has_its_exit_code(error, code, message, monkeypatch, capsys):
    def fail():
        raise error

    monkeypatch.setattr(_doctor, "diagnosis", fail)
    assert main(["doctor"]) == code
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("words", [["--debug", "doctor"], ["doctor", "--debug"]])
def test_debug_shows_the_traceback(words, monkeypatch, capsys):
    def fail():
        raise UserError("wrong")

    monkeypatch.setattr(_doctor, "diagnosis", fail)
    assert main(words) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_closes_early_is_no_error():
    command = f"{sys.executable} -m archwright --help | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
