"""What was told to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "alerts",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("fix", sa.Text, nullable=False),
        sa.Column("page", sa.Text, nullable=False),
        sa.Column("runbook", sa.Text, nullable=False),
        sa.Column("began_at", AT, nullable=False),
        sa.Column("seen_at", AT, nullable=False, comment="when it was last found to hold"),
        sa.Column("tell_from", AT, nullable=False, comment="it has to hold until then to be told"),
        sa.Column("told_at", AT, comment="when the channel last heard that it holds"),
        sa.Column("over_at", AT),
        sa.Column("over_told_at", AT, comment="when the channel heard that it is over; from then on it is history"),
        comment="What each channel was told, and what it still has to hear.",
    )
    op.create_index("alerts_by_end", "alerts", ["over_told_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("alerts")
