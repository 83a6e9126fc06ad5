"""Rows that sheet syncs set aside."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the reject table."""
    op.create_table(
        "sheet_rejects",
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
        comment="Rows that a sheet sync set aside, and why. One run tried again leaves the same rows once.",
    )
    op.create_index("sheet_rejects_by_time", "sheet_rejects", ["sync", "rejected_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("sheet_rejects")
