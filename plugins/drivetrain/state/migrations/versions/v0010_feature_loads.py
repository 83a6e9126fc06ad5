"""How far each feature view's query was asked, and what was rejected of its rows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"

AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "feature_loads",
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("view", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("since", AT, comment="it asked for what was new from then on; none: for all"),
        sa.Column("until", AT, nullable=False, comment="and before then; the largest that was loaded is the watermark"),
        sa.Column("outcome", sa.Text, nullable=False, comment="begun, refused or loaded"),
        sa.Column("detail", sa.Text, nullable=False, server_default="", comment="why it was refused"),
        sa.Column("rows", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("rejected", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("rejects", JSONB, nullable=False, server_default="[]", comment="the first of those, with the reason"),
        sa.Column("done_at", AT),
        sa.Index("feature_loads_by_time", "project", "view", "until"),
        comment="What became of each query for rows of a feature view; one row a run.",
    )
    op.alter_column(
        "feature_runs",
        "kind",
        existing_type=sa.Text,
        existing_nullable=False,
        comment="news, backfill or prune",
        existing_comment="news or backfill",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("feature_loads")
    op.alter_column(
        "feature_runs",
        "kind",
        existing_type=sa.Text,
        existing_nullable=False,
        comment="news or backfill",
        existing_comment="news, backfill or prune",
    )
