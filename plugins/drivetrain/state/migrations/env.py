"""Alembic's entry: runs the versions on the connection that migrate() hands over."""

from __future__ import annotations

from alembic import context

from drivetrain.state.tables import metadata

VERSION_TABLE = "drivetrain_version"

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
