from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from drivetrain.state.alert_tables import metadata
from drivetrain.state.migrate import migrate
from tests.support.postgres import database_url, running_postgres
from tests.support.receivers import http_receiver, mail_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from tests.support.receivers import HttpReceiver, MailReceiver


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """A Postgres server with our tables, as an Airflow connection."""
    with running_postgres(tmp_path_factory.mktemp("alerts")) as connection:
        engine = sa.create_engine(database_url(connection))
        migrate(engine)
        engine.dispose()
        yield connection


@pytest.fixture
def engine(server: dict[str, object]) -> Iterator[Engine]:
    """The same with empty tables."""
    engine = sa.create_engine(database_url(server))
    yield engine
    with engine.begin() as connection:
        for table in metadata.sorted_tables:  # few rows: sooner than TRUNCATE, which waits for the disk
            connection.execute(table.delete())
    engine.dispose()


@pytest.fixture
def http() -> Iterator[HttpReceiver]:
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    with mail_receiver() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def connections(
    server: dict[str, object], http: HttpReceiver, mail: MailReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow's connections to all of them."""
    settings = {"from_email": "drivetrain@drivetrain.example", "disable_ssl": True, "disable_tls": True}
    known = {
        "DRIVETRAIN_STATE": server,
        "SLACK": {"conn_type": "slackwebhook", "host": f"{http.url}/services", "password": "T0/B0/topsecret"},
        "HOOK": {"conn_type": "http", "host": http.url, "password": "signing key", "extra": {"path": "/hook"}},
        "SMTP_DEFAULT": {"conn_type": "smtp", "host": "127.0.0.1", "port": mail.port, "extra": settings},
    }
    for name, connection in known.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
