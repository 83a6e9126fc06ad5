"""Operators as Airflow runs them, without Airflow around: connections in the environment, a context that remembers."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import closing, contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from hooks.state import StateHook
from standins.snowflake.testing import SnowflakeStandin, standins_python
from tests.support.postgres import running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from standins.sheets.testing import SheetsStandin

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


@contextmanager
def connected_servers(sheets: SheetsStandin, state: Path, *statements: str) -> Iterator[SnowflakeStandin]:
    """A Snowflake server with the statements run, Postgres in the folder `state`, and Airflow's connections to all."""
    try:
        standins_python()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with SnowflakeStandin() as snowflake, running_postgres(state) as postgres, pytest.MonkeyPatch.context() as patch:
        extra = {"account": "standin", "host": snowflake.host, "port": snowflake.port, "protocol": "http"}
        login = {"login": snowflake.user, "password": snowflake.password}
        connections = {
            "SNOWFLAKE_DEFAULT": {"conn_type": "snowflake", **login, "extra": extra},
            "SNOWFLAKE_REFUSED": {"conn_type": "snowflake", **login, "password": "not this one", "extra": extra},
            "GOOGLE_SHEETS_DEFAULT": {
                "conn_type": "googlesheets",
                "extra": {"api_root": sheets.url, "keyfile_paths": [str(sheets.keyfile())]},
            },
            "DRIVETRAIN_STATE": postgres,
        }
        for name, connection in connections.items():
            patch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
        with closing(snowflake.connect()) as connection:
            for statement in statements:
                connection.cursor().execute(statement)
        StateHook().migrate()
        yield snowflake


class Context(dict[str, Any]):
    """What Airflow gives to execute, and what the task left in it."""

    def __init__(self, run_id: str = "manual", *, try_number: int = 1, run_type: str = "manual", **params: Any) -> None:
        self.pushed: dict[str, Any] = {}
        self.returned: dict[str, Any] = {}
        self.events: list[Any] = []
        push = lambda key, value: self.pushed.update({key: value})  # noqa: E731
        add = lambda asset, extra: self.events.append((asset.uri, extra))  # noqa: E731
        super().__init__(
            params=params,
            run_id=run_id,
            dag_run=SimpleNamespace(run_type=run_type, run_after=NOON, conf=params),
            ti=SimpleNamespace(try_number=try_number, max_tries=0, xcom_push=push, xcom_pull=self._pull),
        )
        self["outlet_events"] = _Any(SimpleNamespace(add=add))

    def _pull(self, task_ids: str | list[str]) -> Any:
        """What other tasks of the run returned; of a list of names one behind the other, as Airflow gives it."""
        if isinstance(task_ids, str):
            return self.returned.get(task_ids)
        found = [self.returned.get(name) for name in task_ids]
        return [each for one in found for each in (one if isinstance(one, list) else [one])]


class _Any(dict[Any, Any]):
    def __init__(self, value: Any) -> None:
        self._value = value

    def __missing__(self, key: Any) -> Any:
        return self._value


def kept_rejects(run_id: str) -> list[tuple[Any, ...]]:
    """What a run set aside: sync, row, address, reason, value."""
    with StateHook().engine.connect() as connection:
        query = sa.text("SELECT sync, row_number, address, reason, value FROM sheet_rejects WHERE run_id = :run")
        return [tuple(row) for row in connection.execute(query, {"run": run_id})]
