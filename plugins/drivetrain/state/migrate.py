"""Bring our tables to the code's version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

# Any fixed number: two processes that migrate at once wait for each other.
_LOCK = 7_241_553


def migrate(engine: Engine, revision: str = "head") -> None:
    """Run what is missing. Safe to call at every start and from several processes.

    Args:
        engine: Postgres.
        revision: where to stop, "head" for the newest.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
