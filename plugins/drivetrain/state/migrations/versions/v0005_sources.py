"""Where the rows of a run are from, and queries that several syncs share."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table and the columns, which a process of the code before does not fill."""
    op.create_table(
        "shared_queries",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("query_id", sa.Text, nullable=False),
        sa.Column("read_at", AT, nullable=False),
        comment="Snowflake's ids of queries whose results other syncs may fetch, for a day. Losing it costs queries.",
    )
    op.create_index("shared_queries_by_time", "shared_queries", ["read_at"])
    op.add_column("sheet_runs", sa.Column("source", sa.Text, nullable=False, server_default="query"))
    op.add_column("sheet_runs", sa.Column("source_read_at", AT))
    op.add_column("sheet_syncs", sa.Column("query_key", sa.Text))
    # The next dispatch registers the specs anew, and thereby fills the key.
    op.execute("DELETE FROM sheet_specs")


def downgrade() -> None:
    """Drop them."""
    op.drop_column("sheet_syncs", "query_key")
    op.drop_column("sheet_runs", "source_read_at")
    op.drop_column("sheet_runs", "source")
    op.drop_table("shared_queries")
