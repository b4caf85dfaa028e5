"""Many rows of one trial in one statement.

Optuna's own calls select and insert each parameter and attribute by itself through the object mapper, about 2 ms each,
which is more than a cheap trial takes. These two tables are the plainest part of its schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, final

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json


@final
class Rows:
    """Inserts parameters and user attributes of trials.

    Args:
        engine: of an Optuna database whose tables exist.
        distributions: of the parameters, by name.
    """

    def __init__(self, engine: sa.Engine, distributions: Mapping[str, BaseDistribution]) -> None:
        tables = sa.MetaData()
        self._params = sa.Table("trial_params", tables, autoload_with=engine, resolve_fks=False)
        self._attributes = sa.Table("trial_user_attributes", tables, autoload_with=engine, resolve_fks=False)
        self._distributions = distributions
        self._written = {name: distribution_to_json(d) for name, d in distributions.items()}
        self._engine = engine

    def add(self, trial: int, *, params: Mapping[str, Any] | None = None, attributes: Mapping[str, Any]) -> None:
        """Write new parameters and attributes of `trial` (Optuna's id) in one transaction.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: one of them exists already, or the database fails.
        """
        with self._engine.begin() as connection:
            if params:
                rows = [
                    {
                        "trial_id": trial,
                        "param_name": name,
                        "param_value": self._distributions[name].to_internal_repr(value),
                        "distribution_json": self._written[name],
                    }
                    for name, value in params.items()
                ]
                connection.execute(sa.insert(self._params), rows)
            rows = [{"trial_id": trial, "key": k, "value_json": json.dumps(v)} for k, v in attributes.items()]
            connection.execute(sa.insert(self._attributes), rows)
