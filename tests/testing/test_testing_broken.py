"""A part with a mistake fails its contract, a sound one does not."""

from __future__ import annotations

import textwrap
from pathlib import Path

import broken_parts
import pytest


class Failures:
    """A plug-in that notes which rules fail."""

    def __init__(self) -> None:
        self.rules: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.rules.add(report.nodeid.split("::test_")[1].split("[")[0])


def failures(folder: Path, contract: str, fixtures: str) -> set[str]:
    """Rules that fail for a contract whose fixtures are written out in `fixtures`."""
    head = f"import broken_parts, pytest\nfrom archwright.testing import {contract}\n\nclass TestIt({contract}):\n"
    (folder / "pytest.ini").write_text("[pytest]")
    (folder / f"{folder.name}.py").write_text(  # a name of its own: modules are cached
        head + "    draws = 20\n    rounds = 12\n" + textwrap.indent(textwrap.dedent(fixtures), "    ")
    )
    found = Failures()
    # in this process: torch is loaded already, and cannot be loaded twice
    code = pytest.main(
        ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", f"--rootdir={folder}", str(folder)], plugins=[found]
    )
    assert code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    return found.rules


def assert_noticed(found: set[str], expected: set[str]) -> None:
    """A mistake may break further rules; a sound part breaks none."""
    assert found >= expected
    assert bool(found) == bool(expected)


@pytest.mark.parametrize("mistake", broken_parts.SPACES)
def test_spaces(tmp_path: Path, mistake: str) -> None:
    expected = broken_parts.SPACES[mistake][1]
    found = failures(
        tmp_path,
        "SpaceContract",
        f"""
        @pytest.fixture
        def space(self):
            return broken_parts.SPACES[{mistake!r}][0]()
        """,
    )
    assert_noticed(found, expected)


@pytest.mark.parametrize("mistake", broken_parts.SUPERNETS)
def test_supernets(tmp_path: Path, mistake: type) -> None:
    found = failures(
        tmp_path,
        "SupernetContract",
        f"""
        @pytest.fixture
        def supernet(self):
            return broken_parts.small(broken_parts.{mistake.__name__})
        """,
    )
    assert_noticed(found, broken_parts.SUPERNETS[mistake])


@pytest.mark.parametrize("mistake", broken_parts.STRATEGIES)
def test_strategies(tmp_path: Path, mistake: type) -> None:
    found = failures(
        tmp_path,
        "StrategyContract",
        f"""
        @pytest.fixture
        def strategy(self):
            return broken_parts.{mistake.__name__}
        """,
    )
    assert_noticed(found, broken_parts.STRATEGIES[mistake])


@pytest.mark.parametrize("mistake", broken_parts.ESTIMATORS)
def test_estimators(tmp_path: Path, mistake: type) -> None:
    found = failures(
        tmp_path,
        "EstimatorContract",
        f"""
        @pytest.fixture
        def estimator(self):
            return broken_parts.{mistake.__name__}()

        @pytest.fixture
        def space(self):
            return broken_parts.Space(broken_parts.VARIABLES)
        """,
    )
    assert_noticed(found, broken_parts.ESTIMATORS[mistake])


@pytest.mark.parametrize("mistake", broken_parts.COSTS, ids=lambda f: f.__name__)
def test_costs(tmp_path: Path, mistake: object) -> None:
    found = failures(
        tmp_path,
        "CostContract",
        f"""
        @pytest.fixture
        def cost(self):
            return broken_parts.{mistake.__name__}
        """,
    )
    assert_noticed(found, broken_parts.COSTS[mistake])


@pytest.mark.parametrize("mistake", broken_parts.DATASETS, ids=lambda f: f.__name__)
def test_data_sets(tmp_path: Path, mistake: object) -> None:
    found = failures(
        tmp_path,
        "DatasetContract",
        f"""
        @pytest.fixture
        def splits(self):
            return broken_parts.{mistake.__name__}()
        """,
    )
    assert_noticed(found, broken_parts.DATASETS[mistake])
