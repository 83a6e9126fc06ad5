"""How far each feature view was read, and how its runs went."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"

AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "feature_watermarks",
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("view", sa.Text, primary_key=True),
        sa.Column("read_until", AT, nullable=False, comment="all that was there before that is in Redis"),
        sa.Column("run_id", sa.Text, nullable=False, comment="of the run that moved it"),
        sa.Column("moved_at", AT, nullable=False),
        comment="How far each feature view was read. Only a run whose rows are all written moves it, and never back.",
    )
    op.create_table(
        "feature_runs",
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("view", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False, comment="news or backfill"),
        sa.Column("started_at", AT, nullable=False),
        sa.Column("finished_at", AT),
        sa.Column("since", AT),
        sa.Column("news_since", AT),
        sa.Column("until", AT, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False, comment="staged, refused or written"),
        sa.Column("detail", sa.Text, nullable=False, server_default="", comment="what the gates said"),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("written", sa.BigInteger),
        sa.Column("stale", sa.BigInteger),
        sa.Column("rejected", sa.BigInteger),
        sa.Column("bins", JSONB, nullable=False, comment="of features' values, for later runs to be compared with"),
        comment="How each run of a feature view went; one row a run.",
    )
    op.create_index("feature_runs_by_time", "feature_runs", ["project", "view", "started_at"])
    op.create_table(
        "feature_files",
        sa.Column("bucket", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("generation", sa.BigInteger, primary_key=True),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("view", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False, comment="loaded or set aside"),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        sa.Column("landed_at", AT, nullable=False),
        sa.Column("done_at", AT, nullable=False),
        comment="What became of each file that arrived for a feature view; one row a version of a file.",
    )
    op.create_index("feature_files_by_time", "feature_files", ["project", "view", "done_at"])
    op.create_table(
        "feature_audits",
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("view", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("audited_at", AT, nullable=False),
        sa.Column("entities", sa.BigInteger, nullable=False),
        sa.Column("missing", sa.BigInteger, nullable=False, comment="Redis has nothing of them"),
        sa.Column("older", sa.BigInteger, nullable=False, comment="Redis has them of an earlier time"),
        sa.Column("newer", sa.BigInteger, nullable=False, comment="Redis has them of a later time; no skew"),
        sa.Column("different", JSONB, nullable=False, comment="how many have another value, by feature"),
        comment="How what is served compared to what BigQuery has; one row an audit.",
    )
    op.create_index("feature_audits_by_time", "feature_audits", ["project", "view", "audited_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("feature_audits")
    op.drop_table("feature_files")
    op.drop_table("feature_runs")
    op.drop_table("feature_watermarks")
