"""Trials in a database."""

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from archwright.errors import ArchwrightError, UserError
from archwright.search import RegularizedEvolution, Strategy, distributions
from archwright.space import Arch, Choice, Ordinal, Space
from archwright.study import Study, _sqlite, stored
from archwright.trial import Report, Trial


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run" / "study.db"


def train(arch: Arch, seed: int) -> Iterator[Report]:
    """Every way a trial can end."""
    params = float(arch["depth"] * arch["width"])
    yield Report(step=0, metrics={"params": params})
    if arch["k"] == 1:
        raise RuntimeError("one")
    for epoch in (1, 2):
        yield Report(step=epoch, metrics={"accuracy": arch["k"] + epoch + (seed % 100) / 100, "loss": 1 / epoch})


class Impatient(Strategy):
    """Stops trials of odd number after the first epoch."""

    def _propose(self, rng: Any) -> Arch:
        return self.space.sample(rng)

    def _observe(self, trial: Trial) -> None:
        pass

    def should_stop(self, trial: Trial, report: Report) -> bool:
        return trial.number % 2 == 1 and report.step == 1


def make(space: Space, storage: Any, **changes: Any) -> Study:
    settings: dict[str, Any] = {"limits": {"params": 100.0}, "batch": 4, "storage": storage, **changes}
    return Study(space, settings.pop("strategy", Impatient), settings.pop("estimator", train), **settings)


def content(study: Study) -> list[tuple[object, ...]]:
    return [(t.number, t.arch, t.state, dict(t.metrics), t.reports, t.seed, t.source, t.budget) for t in study.trials]


def test_everything_about_a_trial_comes_back(space: Space, file: Path) -> None:
    study = make(space, file).run(trials=40)
    assert {t.state for t in study.trials} == {"complete", "stopped", "refused", "failed"}
    again = make(space, file)
    assert again.trials == study.trials


def test_storage_changes_nothing(space: Space, file: Path) -> None:
    assert content(make(space, file).run(trials=40)) == content(make(space, None).run(trials=40))


@pytest.mark.parametrize("cuts", [(10,), (1, 2, 3, 18, 19)])
def test_a_run_continued_by_new_objects_is_a_run_in_one(space: Space, file: Path, cuts: tuple[int, ...]) -> None:
    for total in (*cuts, 30):
        study = make(space, file).run(trials=total)
        assert len(study.trials) == total
    assert content(study) == content(make(space, None).run(trials=30))


def test_a_string_and_a_url_name_the_same_file(space: Space, file: Path) -> None:
    make(space, str(file)).run(trials=5)
    assert len(make(space, f"sqlite:///{file}").trials) == 5


def test_two_studies_in_one_file(space: Space, file: Path) -> None:
    make(space, file, name="one").run(trials=3)
    make(space, file, name="two", seed=1).run(trials=5)
    assert [len(make(space, file, name=n, seed=s).trials) for n, s in (("one", 0), ("two", 1))] == [3, 5]


def test_optuna_reads_it(space: Space, file: Path) -> None:
    study = make(space, file, objectives=("accuracy", "min:params")).run(trials=40)
    there = optuna.load_study(study_name="study", storage=f"sqlite:///{file}")
    assert [d.name for d in there.directions] == ["MAXIMIZE", "MINIMIZE"]
    states = {"complete": "COMPLETE", "stopped": "PRUNED", "refused": "PRUNED", "failed": "FAIL"}
    for ours, theirs in zip(study.trials, there.trials, strict=True):
        assert theirs.params == dict(ours.arch)
        assert theirs.distributions == {n: d for n, d in distributions(space).items() if n in ours.arch}
        assert theirs.state.name == states[ours.state]
        assert theirs.datetime_complete is not None
        known = theirs.user_attrs
        assert (known["number"], known["arch"], known["key"]) == (ours.number, dict(ours.arch), ours.arch.key)
        assert (known["seed"], known["source"], known["state"]) == (ours.seed, "function", ours.state)
        assert known["versions"]["optuna"] == optuna.__version__
        if ours.state == "complete":
            assert theirs.values == [ours.metrics["accuracy"], ours.metrics["params"]]
            assert theirs.intermediate_values == {r.step: r.metrics["accuracy"] for r in ours.reports[1:]}
            assert theirs.constraints == {"0": ours.metrics["params"] - 100}
        if ours.state in ("refused", "failed"):
            assert known["error"] == ours.error
    facts = there.user_attrs
    assert Space.from_json(json.dumps(facts["space"])) == space
    assert facts["objectives"] == ["max:accuracy", "min:params"]
    assert facts["limits"] == {"params": 100.0}
    assert facts["created"].startswith("20")
    assert {"archwright", "python", "numpy"} <= facts["versions"].keys()
    assert {t.number for t in there.best_trials} == {t.number for t in study.pareto()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 7}, "seed 0 there, 7 here"),
        ({"batch": 2}, "batch 4 there, 2 here"),
        ({"objectives": ("loss",)}, r"objectives \['max:accuracy'\] there, \['min:loss'\] here"),
        ({"limits": {"params": 50}}, "limits.params 100.0 there, 50.0 here"),
        ({"limits": {}}, "limits.params 100.0 there, None here"),
        ({"strategy": "random"}, "strategy.name 'Impatient' there, 'Random' here"),
    ],
)
def test_another_study_under_the_same_name(space: Space, file: Path, changes: dict[str, Any], message: str) -> None:
    make(space, file)
    with pytest.raises(UserError, match=f"is another one: .*{message}") as caught:
        make(space, file, **changes)
    assert "\n" not in str(caught.value)


def test_another_space_names_the_variables(space: Space, file: Path) -> None:
    make(space, file)
    smaller = space.restrict({"width": (8, 16)})
    with pytest.raises(UserError, match="the space differs in width;"):
        make(smaller, file)
    more = Space([*space.variables, Choice("op", ("a", "b"))])
    with pytest.raises(UserError, match="the space differs in op;"):
        make(more, file)


def test_other_settings_of_a_strategy_are_named(space: Space, file: Path) -> None:
    make(space, file, strategy=lambda s, **k: RegularizedEvolution(s, population=9, sample=3, **k))
    with pytest.raises(UserError, match=r"another one: strategy.population 9 there, 10 here;"):
        make(space, file, strategy=lambda s, **k: RegularizedEvolution(s, population=10, sample=3, **k))


def test_a_study_of_somebody_else_is_left_alone(space: Space, file: Path) -> None:
    file.parent.mkdir()
    foreign = optuna.create_study(study_name="study", storage=f"sqlite:///{file}")
    foreign.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(UserError, match="was made by something else than archwright"):
        make(space, file)


def test_a_space_with_a_lambda_can_be_stored(file: Path) -> None:
    space = Space([Ordinal("a", range(9)), Ordinal("b", range(9))], where=lambda arch: arch["a"] <= arch["b"])
    for total in (5, 9):
        study = Study(space, "random", lambda arch: {"accuracy": arch["a"]}, storage=file).run(trials=total)
    assert len(study.trials) == 9


def test_trials_left_running_are_put_aside(space: Space, file: Path) -> None:
    study = make(space, file).run(trials=6)
    storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
    dead = storage.create_new_trial(storage.get_study_id_from_name("study"))
    storage.set_trial_user_attr(dead, "number", 6)
    storage.set_trial_user_attr(dead, "state", "complete")  # killed right before the last write
    again = make(space, file)
    assert len(again.trials) == 6
    assert content(again.run(trials=12)) == content(make(space, None).run(trials=12))
    assert storage.get_trial(dead).state.name == "FAIL"
    assert storage.get_trial(dead).user_attrs["interrupted"] is True
    assert len(make(space, file).trials) == 12
    assert study.trials == again.trials[:6]


def test_an_interrupt_puts_the_running_trial_aside_at_once(space: Space, file: Path) -> None:
    def interrupted(arch: Arch) -> dict[str, float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(space, file, estimator=interrupted).run(trials=6)
    trials = optuna.load_study(study_name="study", storage=f"sqlite:///{file}").trials
    assert [t.state.name for t in trials] == ["FAIL"]
    assert len(make(space, file).run(trials=6).trials) == 6


def test_only_one_run_at_a_time(space: Space, file: Path) -> None:
    def nested(arch: Arch) -> dict[str, float]:
        make(space, file).run(trials=9)
        return {"accuracy": 1.0}

    study = make(space, file, estimator=nested)
    study.run(trials=1)
    assert f"study storage {file} is in use by another run" in study.trials[0].error
    assert len(make(space, file).run(trials=2).trials) == 2, "the claim is gone"


def test_a_finished_run_leaves_two_files(space: Space, file: Path) -> None:
    make(space, file).run(trials=3)
    assert sorted(os.listdir(file.parent)) == ["study.db", "study.db.lock"]


def test_minutes_count_what_other_processes_used(space: Space, file: Path) -> None:
    make(space, file).run(trials=3)
    assert len(make(space, file).run(minutes=1e-5).trials) == 3


def test_a_file_that_is_no_database(space: Space, file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"not a database, rather a letter to a friend" * 50)
    with pytest.raises(ArchwrightError, match=f"cannot open study storage {file}: file is not a database"):
        make(space, file)


def test_a_damaged_database(space: Space, file: Path) -> None:
    make(space, file).run(trials=20)
    data = bytearray(file.read_bytes())
    data[4096 : len(data)] = os.urandom(len(data) - 4096)
    file.write_bytes(data)
    with pytest.raises(ArchwrightError, match=f"cannot (open|read) study storage {file}: ") as caught:
        make(space, file).run(trials=30)
    assert "\n" not in str(caught.value)


def test_a_full_disk(space: Space, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(space, file).run(trials=4)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    monkeypatch.setattr(_sqlite, "_PRAGMAS", (*_sqlite._PRAGMAS, f"max_page_count={pages + 2}"))
    with pytest.raises(ArchwrightError, match=f"cannot write to study storage {file}: database or disk is full"):
        make(space, file).run(trials=200)
    monkeypatch.undo()
    kept = len(make(space, file).trials)
    assert kept >= 4
    assert content(make(space, file).run(trials=40)) == content(make(space, None).run(trials=40))


def test_a_read_only_database(space: Space, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(space, file).run(trials=4)
    monkeypatch.setattr(_sqlite, "_PRAGMAS", ("query_only=ON",))
    with pytest.raises(ArchwrightError, match=f"cannot write to study storage {file}: attempt to write a readonly"):
        make(space, file).run(trials=6)


def test_a_locked_database(space: Space, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(space, file).run(trials=4)
    monkeypatch.setattr(_sqlite, "_PATIENCE", 0.05)
    study = make(space, file)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ArchwrightError, match=f"cannot write to study storage {file}: database is locked"):
            study.run(trials=6)
    assert len(study.run(trials=6).trials) == 6


def test_a_folder_that_cannot_be_made(space: Space, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArchwrightError, match=r"cannot open study storage .*(File exists|Not a directory)"):
        make(space, tmp_path / "file" / "study.db")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(space: Space, url: str) -> None:
    with pytest.raises(UserError, match="lives in memory only; for that leave storage out"):
        make(space, url)


def test_a_url_that_is_none(space: Space) -> None:
    with pytest.raises(UserError, match="neither a path nor a URL"):
        make(space, "nonsense 3://x")


def test_a_server_that_is_not_there_does_not_show_the_password(space: Space) -> None:
    with pytest.raises(
        ArchwrightError, match=r"cannot open study storage postgresql.*:\*\*\*@localhost:1/x: "
    ) as caught:
        make(space, "postgresql+psycopg2://me:secret@localhost:1/x")
    assert "secret" not in str(caught.value)


def test_trials_are_read_without_the_space(space: Space, file: Path) -> None:
    study = make(space, file).run(trials=12)
    assert stored(file, "study") == study.trials
    assert stored(file, "another") == []
    assert stored(file.with_name("nowhere.db"), "study") == []
    assert not file.with_name("nowhere.db").exists()


def test_trials_are_read_while_a_run_goes_on(space: Space, file: Path) -> None:
    seen = []
    make(space, file).run(trials=6, callback=lambda study, trial: seen.append(len(stored(file, "study"))))
    assert seen == [1, 2, 3, 4, 5, 6]


def test_reading_writes_nothing(space: Space, file: Path) -> None:
    study = make(space, file).run(trials=6)
    before = {p.name: p.read_bytes() for p in file.parent.iterdir()}
    assert stored(file, "study") == study.trials
    assert {p.name: p.read_bytes() for p in file.parent.iterdir()} == before


def test_a_read_only_folder(space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ArchwrightError, match=f"cannot open study storage .*: folder {tmp_path} is read-only"):
        make(space, tmp_path / "study.db")


def test_reading_what_is_no_storage(tmp_path: Path) -> None:
    letter = tmp_path / "letter.db"
    letter.write_text("not a database" * 100)
    with pytest.raises(ArchwrightError, match=f"cannot read study storage {letter}: file is not a database"):
        stored(letter, "study")


def test_a_copied_file_is_the_same_study(space: Space, file: Path, tmp_path: Path) -> None:
    study = make(space, file).run(trials=5)
    shutil.copy(file, tmp_path / "copy.db")
    assert make(space, tmp_path / "copy.db").trials == study.trials
