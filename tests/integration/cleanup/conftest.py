from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from hooks.airflow_metadata import AirflowMetadataHook
from tests.support.airflow_history import add_dags, add_runs, running_airflow_database
from tests.support.postgres import database_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

_TABLES = (
    "dag_bundle, dag, dag_run, task_instance, log, asset_event, asset, callback, job, trigger, session, "
    "connection_test_request"
)


@pytest.fixture(scope="session")
def airflow_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """A server with Airflow's tables, as an Airflow connection."""
    with running_airflow_database(tmp_path_factory.mktemp("airflow")) as connection:
        engine = sa.create_engine(database_url(connection), isolation_level="AUTOCOMMIT")
        with engine.connect() as plain:
            # Every test empties all tables, into new files: to write them all to the disk takes half a minute.
            plain.execute(sa.text("ALTER SYSTEM SET fsync = off"))
            plain.execute(sa.text("SELECT pg_reload_conf()"))
        engine.dispose()
        yield connection


@pytest.fixture
def engine(airflow_database: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The same with no rows, and the connection of the clean-up to it."""
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_DB_CLEANUP", json.dumps(airflow_database))
    engine = sa.create_engine(database_url(airflow_database))
    yield engine
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {_TABLES} CASCADE"))
    engine.dispose()


@pytest.fixture
def hook(engine: Engine) -> Iterator[AirflowMetadataHook]:
    made = AirflowMetadataHook()
    yield made
    made.engine.dispose()


@pytest.fixture
def history(engine: Engine) -> Engine:
    """Two DAGs, a run a day for 150 days with three tasks each."""
    with engine.begin() as connection:
        add_dags(connection, 2)
        add_runs(connection, "true", 150)
    return engine
