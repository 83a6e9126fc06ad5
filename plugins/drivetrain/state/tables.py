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

_AT = sa.DateTime(timezone=True)

sheet_syncs = sa.Table(
    "sheet_syncs",
    metadata,
    sa.Column("sync", sa.Text, primary_key=True),
    # what the spec says
    sa.Column("team", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("spreadsheet_id", sa.Text, nullable=False),
    sa.Column("tab", sa.Text, nullable=False),
    sa.Column("cron", sa.Text),
    sa.Column("timezone", sa.Text),
    sa.Column("freshness_seconds", sa.BigInteger, nullable=False),
    sa.Column("catch_up", sa.Text, nullable=False),
    sa.Column("priority", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("spec_hash", sa.Text, nullable=False),
    sa.Column("query_key", sa.Text, comment="of connection, text and parameters: the same for all that ask the same"),
    # what people and the dispatcher decided
    sa.Column("registered_at", _AT, nullable=False),
    sa.Column("removed_at", _AT),
    sa.Column("paused_at", _AT),
    sa.Column("paused_by", sa.Text),
    sa.Column("dispatched_until", _AT, nullable=False),
    sa.Column("next_due_at", _AT),
    sa.Column("pending_since", _AT, comment="the latest job's publication, until it ends"),
    # how it went
    sa.Column("last_due_at", _AT),
    sa.Column("last_attempt_at", _AT),
    sa.Column("last_success_at", _AT, comment="when the data of the last good run was read"),
    sa.Column("last_outcome", sa.Text),
    sa.Column("last_error", sa.Text),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0", comment="in a row"),
    sa.Column("rows", sa.BigInteger),
    sa.Index("sheet_syncs_by_due", "next_due_at"),
    sa.Index("sheet_syncs_by_team", "team"),
    comment="Every sheet sync that git has, or had: its facts, what was decided, and how it stands.",
)

sheet_specs = sa.Table(
    "sheet_specs",
    metadata,
    sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("registered_at", _AT, nullable=False),
    comment="The state of the spec files that sheet_syncs is of. One row.",
)

sheet_runs = sa.Table(
    "sheet_runs",
    metadata,
    sa.Column("job_key", sa.Text, primary_key=True),
    sa.Column("due_at", _AT, primary_key=True),
    sa.Column("sync", sa.Text, nullable=False),
    sa.Column("trigger", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("started_at", _AT, nullable=False),
    sa.Column("finished_at", _AT, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("is_final", sa.Boolean, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("rows_added", sa.BigInteger, nullable=False),
    sa.Column("rows_changed", sa.BigInteger, nullable=False),
    sa.Column("rows_deleted", sa.BigInteger, nullable=False),
    sa.Column("rows_rejected", sa.BigInteger, nullable=False),
    sa.Column("write_calls", sa.Integer, nullable=False),
    sa.Column("read_calls", sa.Integer, nullable=False),
    sa.Column("bytes_sent", sa.BigInteger, nullable=False),
    sa.Column("rows_edited", sa.BigInteger, nullable=False, server_default="0", comment="by people"),
    sa.Column("warning", sa.Text, nullable=False, server_default=""),
    sa.Column("source", sa.Text, nullable=False, server_default="query"),
    sa.Column("source_read_at", _AT, comment="what the tab says is at least as fresh as that; NULL: as started_at"),
    sa.Index("sheet_runs_by_sync", "sync", "due_at"),
    postgresql_partition_by="RANGE (due_at)",
    comment="How each job of a sheet sync went; one row a job. Partitioned by month, pruned by month.",
)

sheet_memory = sa.Table(
    "sheet_memory",
    metadata,
    sa.Column("sync", sa.Text, primary_key=True),
    sa.Column("spec_hash", sa.Text, nullable=False),
    sa.Column("source_version", sa.Text, nullable=False),
    sa.Column("source_read_at", _AT, nullable=False),
    sa.Column("result_digest", sa.Text, nullable=False, comment="empty while a write is on its way"),
    sa.Column("tab_digest", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("checked_at", _AT, nullable=False, comment="when the sheet was last looked at"),
    comment="What the last good run of each sync left behind. Losing it costs calls, never rows.",
)

sheet_memory_rows = sa.Table(
    "sheet_memory_rows",
    metadata,
    sa.Column("sync", sa.Text, primary_key=True),
    sa.Column("tab_digest", sa.Text, primary_key=True),
    sa.Column("row_hashes", sa.LargeBinary, nullable=False),
    comment="The rows that a marker in a workbook speaks of, as hashes: they tell people's edits from our rows.",
)

shared_queries = sa.Table(
    "shared_queries",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("query_id", sa.Text, nullable=False),
    sa.Column("read_at", _AT, nullable=False),
    sa.Index("shared_queries_by_time", "read_at"),
    comment="Snowflake's ids of queries whose results other syncs may fetch, for a day. Losing it costs queries.",
)
