"""What each feature view's spec says, for the board of features."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "feature_views",
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("view", sa.Text, primary_key=True),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("freshness_seconds", sa.BigInteger, nullable=False, comment="how old what is served may become"),
        sa.Column("cron", sa.Text, comment="when it runs; none: it runs when files arrive, or by hand"),
        sa.Column("lands_in", sa.Text, comment="where files arrive that are loaded into its table"),
        sa.Column("registered_at", AT, nullable=False, comment="when it was first seen"),
        sa.Column("removed_at", AT, comment="since when there is no spec of it"),
        comment="Each feature view that has a spec, or had one.",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("feature_views")
