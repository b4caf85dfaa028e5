"""Trials in an Optuna database: SQLite, PostgreSQL, MySQL.

A trial is created as running, described, and finished by one last write of its state; whatever a process that died has
left before that write does not count.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from os import PathLike
from pathlib import Path
from typing import Any, final

import optuna
import sqlalchemy
import sqlalchemy.exc
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from archwright.errors import ArchwrightError, UserError
from archwright.search import distributions
from archwright.space import Space
from archwright.study import _record
from archwright.study._rows import Rows
from archwright.study._sqlite import Claim, connector
from archwright.study._store import Store
from archwright.study._task import Task
from archwright.study._trouble import explained
from archwright.trial import Objective, Report, Trial
from archwright.versions import versions

_STATES = {
    "complete": TrialState.COMPLETE,
    "stopped": TrialState.PRUNED,
    "refused": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
_CONSTRAINTS = "constraints"  # Optuna's own key: a list, feasible when no entry is positive

_logger = logging.getLogger(__name__)


@final
class Rdb(Store):
    """One study in an Optuna RDB storage, which `optuna-dashboard` and Optuna itself can read.

    Args:
        storage: path of a SQLite file (made with its folders when missing), or a SQLAlchemy URL.
        name: of the study.
        space: for distributions and to read architectures.
        objectives: give Optuna's directions and values.
        limits: upper limits, written as Optuna's constraints.
        facts: what must be the same when the study continues.

    Raises:
        UserError: the study in the storage is another one.
        ArchwrightError: the storage cannot be opened.
    """

    def __init__(
        self,
        storage: str | PathLike[str],
        name: str,
        *,
        space: Space,
        objectives: Sequence[Objective],
        limits: dict[str, float],
        facts: dict[str, Any],
    ) -> None:
        self._space = space
        self._objectives = tuple(objectives)
        self._limits = limits
        self._versions = versions()
        self._running: dict[int, int] = {}
        self._path, url = _locate(storage)
        self._where = str(self._path or sqlalchemy.engine.make_url(url).render_as_string(hide_password=True))
        with self._explained("open"):
            self._storage = self._connect(url)
            self._rows = Rows(self._storage.engine, distributions(space))
            self._study = self._find_or_create(name)
            self._agree(name, {"space": _record.declaration(space), **facts})
            self._disconnect()

    def _connect(self, url: str) -> optuna.storages.RDBStorage:
        if self._path is None:
            return optuna.storages.RDBStorage(url)
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"folder {folder} is read-only")
        return optuna.storages.RDBStorage(url, engine_kwargs={"creator": connector(self._path)})

    def _find_or_create(self, name: str) -> int:
        with contextlib.suppress(KeyError):
            return self._storage.get_study_id_from_name(name)
        directions = [StudyDirection.MAXIMIZE if o.maximise else StudyDirection.MINIMIZE for o in self._objectives]
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(max(level, optuna.logging.WARNING))  # it would announce the new study
        try:
            return self._storage.create_new_study(directions, name)
        finally:
            optuna.logging.set_verbosity(level)

    def _agree(self, name: str, facts: dict[str, Any]) -> None:
        """Describe a new study, compare the description of an old one."""
        stored = self._storage.get_study_user_attrs(self._study)
        if facts.keys() <= stored.keys():
            difference = _record.difference(stored, facts)
            if difference:
                raise UserError(f"study {name!r} in {self._where} is another one: {difference}; use another name")
            return
        if self._storage.get_n_trials(self._study):
            made = stored.get("versions")
            by = f"archwright {made.get('archwright')}" if made else "something else than archwright"
            raise UserError(f"study {name!r} in {self._where} was made by {by}; use another name")
        created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        for key, value in {"created": created, "versions": self._versions, **facts}.items():
            self._storage.set_study_user_attr(self._study, key, value)

    def _explained(self, action: str) -> AbstractContextManager[None]:
        return explained(action, self._where)

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            with self._explained("write to"):
                if self._path is not None:
                    stack.enter_context(Claim(self._path))
                self._put_aside([t._trial_id for t in self._stored(TrialState.RUNNING)])
            stack.callback(self._leave)
            yield

    def _leave(self) -> None:
        with contextlib.suppress(ArchwrightError), self._explained("write to"):
            self._put_aside(list(self._running.values()))
            self._running = {}
            self._disconnect()

    def _put_aside(self, trials: Sequence[int]) -> None:
        """Mark running trials as interrupted; they will be run again."""
        for trial in trials:
            self._storage.set_trial_user_attr(trial, _record.INTERRUPTED, True)
            self._storage.set_trial_state_values(trial, TrialState.FAIL)
        if trials:
            _logger.info("%d interrupted trials in %s will be run again", len(trials), self._where)

    def _disconnect(self) -> None:
        self._storage.remove_session()
        self._storage.engine.dispose()

    def _stored(self, *states: TrialState) -> list[FrozenTrial]:
        return self._storage.get_all_trials(self._study, deepcopy=False, states=states)

    def load(self) -> tuple[list[Trial], float]:
        with self._explained("read"):
            stored = self._stored(*_STATES.values())
            self._disconnect()
        return _record.finished((t.user_attrs for t in stored), self._space)

    def start(self, task: Task, source: str) -> None:
        with self._explained("write to"):
            trial = self._running[task.number] = self._storage.create_new_trial(self._study)
            self._rows.add(trial, params=task.arch, attributes=_record.beginning(task, source, self._versions))

    def report(self, number: int, position: int, report: Report) -> None:
        trial = self._running[number]
        with self._explained("write to"):
            self._rows.add(trial, attributes=_record.report(position, report))
            value = report.metrics.get(self._objectives[0].metric)
            if value is not None:
                self._storage.set_trial_intermediate_value(trial, report.step, value)

    def finish(self, trial: Trial, elapsed: float) -> None:
        running = self._running[trial.number]
        with self._explained("write to"):
            self._rows.add(running, attributes=_record.ending(trial, elapsed))
            if self._limits and self._limits.keys() <= trial.metrics.keys():
                excesses = [trial.metrics[name] - limit for name, limit in self._limits.items()]
                self._storage.set_trial_system_attr(running, _CONSTRAINTS, excesses)
            values = [trial.metrics[o.metric] for o in self._objectives] if trial.state == "complete" else None
            self._storage.set_trial_state_values(running, _STATES[trial.state], values)
        del self._running[trial.number]


def _locate(storage: str | PathLike[str]) -> tuple[Path | None, str]:
    """The SQLite file, if it is one, and the URL."""
    text = str(storage)
    if "://" not in text:
        return Path(text), f"sqlite:///{text}"
    try:
        url = sqlalchemy.engine.make_url(text)
    except sqlalchemy.exc.ArgumentError:
        raise UserError(f"storage {text!r} is neither a path nor a URL such as postgresql://host/name") from None
    if url.get_backend_name() != "sqlite":
        return None, text
    if url.database in (None, "", ":memory:"):
        raise UserError(f"storage {text!r} lives in memory only; for that leave storage out")
    return Path(url.database), text
