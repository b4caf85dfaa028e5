"""Trials of a study, read without its space."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from archwright.errors import ArchwrightError
from archwright.study import _record
from archwright.study._sqlite import connector
from archwright.trial import Trial


def stored(path: str | PathLike[str], name: str) -> list[Trial]:
    """Every finished trial of study `name` in a SQLite file, in the order of their numbers; none without the study.

    Raises:
        ArchwrightError: the file is not a study storage.
    """
    import optuna  # half a second

    file = Path(path)
    if not file.is_file():
        return []
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{file}", engine_kwargs={"creator": connector(file)})
    except Exception as error:  # those of Optuna, SQLAlchemy and sqlite3 share no base class
        raise ArchwrightError(f"cannot read study storage {file}: {str(error).splitlines()[0]}") from error
    try:
        trials = storage.get_all_trials(storage.get_study_id_from_name(name), deepcopy=False)
        return _record.finished(t.user_attrs for t in trials if t.state.is_finished())[0]
    except KeyError:
        return []
    finally:
        storage.remove_session()
        storage.engine.dispose()
