"""Our own tables in Postgres. migrations/ makes them; this is how the code sees them."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

sheet_rejects = sa.Table(
    "sheet_rejects",
    metadata,
    sa.Column("sync", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("row_number", sa.BigInteger, primary_key=True),
    sa.Column("column_name", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("row_key", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Index("sheet_rejects_by_time", "sync", "rejected_at"),
    comment="Rows that a sheet sync set aside, and why. One run tried again leaves the same rows once.",
)
