"""What is remembered of each sheet sync, and people's edits in the history."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make both tables and the history's new columns, which a process of the code before does not fill."""
    op.create_table(
        "sheet_memory",
        sa.Column("sync", sa.Text, primary_key=True),
        sa.Column("spec_hash", sa.Text, nullable=False),
        sa.Column("source_version", sa.Text, nullable=False),
        sa.Column("source_read_at", AT, nullable=False),
        sa.Column("result_digest", sa.Text, nullable=False, comment="empty while a write is on its way"),
        sa.Column("tab_digest", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("checked_at", AT, nullable=False, comment="when the sheet was last looked at"),
        comment="What the last good run of each sync left behind. Losing it costs calls, never rows.",
    )
    op.create_table(
        "sheet_memory_rows",
        sa.Column("sync", sa.Text, primary_key=True),
        sa.Column("tab_digest", sa.Text, primary_key=True),
        sa.Column("row_hashes", sa.LargeBinary, nullable=False),
        comment="The rows that a marker in a workbook speaks of, as hashes: they tell people's edits from our rows.",
    )
    # Hashes don't compress: let Postgres not try.
    op.execute("ALTER TABLE sheet_memory_rows ALTER COLUMN row_hashes SET STORAGE EXTERNAL")
    op.add_column("sheet_runs", sa.Column("rows_edited", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("sheet_runs", sa.Column("warning", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("sheet_runs", "warning")
    op.drop_column("sheet_runs", "rows_edited")
    op.drop_table("sheet_memory_rows")
    op.drop_table("sheet_memory")
