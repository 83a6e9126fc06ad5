"""The table of what was told. migrations/ makes it; this is how the code sees it."""

from __future__ import annotations

import sqlalchemy as sa

from drivetrain.state.tables import metadata

_AT = sa.DateTime(timezone=True)

alerts = sa.Table(
    "alerts",
    metadata,
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
    sa.Column("began_at", _AT, nullable=False),
    sa.Column("seen_at", _AT, nullable=False, comment="when it was last found to hold"),
    sa.Column("tell_from", _AT, nullable=False, comment="it has to hold until then to be told"),
    sa.Column("told_at", _AT, comment="when the channel last heard that it holds"),
    sa.Column("over_at", _AT),
    sa.Column("over_told_at", _AT, comment="when the channel heard that it is over; from then on it is history"),
    sa.Index("alerts_by_end", "over_told_at"),
    comment="What each channel was told, and what it still has to hear.",
)
