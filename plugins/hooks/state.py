"""Our own state in Postgres, by an Airflow connection."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from airflow.sdk import BaseHook

from drivetrain.state.migrate import migrate
from drivetrain.state.rejects import save_rejects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Engine

    from drivetrain.sheets.rejects import Reject


class StateHook(BaseHook):
    """The database that holds what we know between runs.

    Args:
        state_conn_id: a connection of type postgres.
    """

    conn_name_attr = "state_conn_id"
    default_conn_name = "drivetrain_state"

    def __init__(self, state_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_conn_id = state_conn_id

    @cached_property
    def engine(self) -> Engine:
        """A small pool: a task needs one connection at a time."""
        connection = self.get_connection(self.state_conn_id)
        url = sa.URL.create(
            "postgresql+psycopg",
            username=connection.login,
            password=connection.password,
            host=connection.host,
            port=connection.port,
            database=connection.schema,
        )
        return sa.create_engine(url, pool_size=1, pool_pre_ping=True, connect_args={"connect_timeout": 10})

    def migrate(self) -> None:
        """Bring the tables to the code's version."""
        migrate(self.engine)

    def save_rejects(self, sync: str, run_id: str, rejects: Sequence[Reject]) -> None:
        """Keep the rows that a run set aside; a run tried again keeps them once."""
        save_rejects(self.engine, sync, run_id, rejects)
