"""Sheet syncs: facts, state, history."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make both tables; months of the history are made as they come."""
    op.create_table(
        "sheet_syncs",
        sa.Column("sync", sa.Text, primary_key=True),
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
        sa.Column("registered_at", AT, nullable=False),
        sa.Column("removed_at", AT),
        sa.Column("paused_at", AT),
        sa.Column("paused_by", sa.Text),
        sa.Column("dispatched_until", AT, nullable=False),
        sa.Column("next_due_at", AT),
        sa.Column("pending_since", AT, comment="the latest job's publication, until it ends"),
        sa.Column("last_due_at", AT),
        sa.Column("last_attempt_at", AT),
        sa.Column("last_success_at", AT, comment="when the data of the last good run was read"),
        sa.Column("last_outcome", sa.Text),
        sa.Column("last_error", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0", comment="in a row"),
        sa.Column("rows", sa.BigInteger),
        comment="Every sheet sync that git has, or had: its facts, what was decided, and how it stands.",
    )
    op.create_index("sheet_syncs_by_due", "sheet_syncs", ["next_due_at"])
    op.create_index("sheet_syncs_by_team", "sheet_syncs", ["team"])
    op.create_table(
        "sheet_specs",
        sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("registered_at", AT, nullable=False),
        comment="The state of the spec files that sheet_syncs is of. One row.",
    )
    op.create_table(
        "sheet_runs",
        sa.Column("job_key", sa.Text, primary_key=True),
        sa.Column("due_at", AT, primary_key=True),
        sa.Column("sync", sa.Text, nullable=False),
        sa.Column("trigger", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("started_at", AT, nullable=False),
        sa.Column("finished_at", AT, nullable=False),
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
        postgresql_partition_by="RANGE (due_at)",
        comment="How each job of a sheet sync went; one row a job. Partitioned by month, pruned by month.",
    )
    op.create_index("sheet_runs_by_sync", "sheet_runs", ["sync", "due_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("sheet_runs")
    op.drop_table("sheet_specs")
    op.drop_table("sheet_syncs")
