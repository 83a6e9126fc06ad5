"""An Airflow connection of type postgres, as SQLAlchemy wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from airflow.sdk import Connection


def postgres_url(connection: Connection) -> sa.URL:
    """Where the database is and who asks, for psycopg 3."""
    return sa.URL.create(
        "postgresql+psycopg",
        username=connection.login,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        database=connection.schema,
    )
