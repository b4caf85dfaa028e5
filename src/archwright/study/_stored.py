"""Trials of a study, read without its space."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from archwright.study import _record
from archwright.study._sqlite import reader
from archwright.trial import Trial


def stored(path: str | PathLike[str], name: str) -> list[Trial]:
    """Every finished trial of study `name` in a SQLite file, in the order of their numbers; none without the study.

    Nothing is written, so it works on read-only folders and beside a run that is going on.

    Raises:
        ArchwrightError: the file is not a study storage.
    """
    file = Path(path)
    if not file.is_file():
        return []
    import optuna  # half a second

    from archwright.study._trouble import explained

    with explained("read", str(file)):
        storage = optuna.storages.RDBStorage(f"sqlite:///{file}", engine_kwargs={"creator": reader(file)})
        try:
            studies = {study.study_name: study._study_id for study in storage.get_all_studies()}
            trials = storage.get_all_trials(studies[name], deepcopy=False) if name in studies else []
        finally:
            storage.remove_session()
            storage.engine.dispose()
    return _record.finished(t.user_attrs for t in trials if t.state.is_finished())[0]
