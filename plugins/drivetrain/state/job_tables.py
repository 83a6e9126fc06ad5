"""The tables of the job queue. migrations/ makes them; this is how the code sees them."""

from __future__ import annotations

import sqlalchemy as sa

from drivetrain.state.tables import metadata

_AT = sa.DateTime(timezone=True)

# Rises with every lease of any group: a fencing token that never comes again.
lease_tokens = sa.Sequence("job_lease_tokens", metadata=metadata)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("group_name", sa.Text, nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("deadline", _AT, nullable=False, server_default=sa.func.now(), comment="by when it is to be done"),
    sa.Column("attempts", sa.Integer, nullable=False, comment="how many there may be"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0", comment="how many there were"),
    sa.Column("published_at", _AT, nullable=False),
    sa.Column("not_before", _AT, nullable=False, comment="since when it may be done"),
    sa.Column("token", sa.BigInteger, comment="of the lease that has it in hand"),
    sa.Column("last_error", sa.Text),
    sa.UniqueConstraint("kind", "key", name="jobs_by_key"),
    sa.Index("jobs_by_group", "kind", "group_name", sa.text("priority DESC"), "deadline", "id"),
    comment="Jobs that wait or are in hand. A job that is done has no row.",
)

job_groups = sa.Table(
    "job_groups",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("group_name", sa.Text, primary_key=True),
    sa.Column("token", sa.BigInteger, comment="of the last lease; NULL once it ended without its holder's doing"),
    sa.Column("leased_until", _AT, comment="NULL: nobody has it"),
    # A summary of the group's jobs while nobody has it, so that the next group is found without reading jobs.
    sa.Column("ready_priority", sa.Integer, comment="the highest of its jobs that may be done"),
    sa.Column("ready_deadline", _AT, comment="the earliest of its jobs that may be done"),
    sa.Column("ready_id", sa.BigInteger, comment="the oldest of its jobs that may be done"),
    sa.Column("next_at", _AT, comment="when the next of its other jobs may be done"),
    sa.Index(
        "job_groups_by_urgency",
        "kind",
        sa.text("ready_priority DESC"),
        "ready_deadline",
        "ready_id",
        postgresql_where=sa.text("ready_id IS NOT NULL"),
    ),
    sa.Index("job_groups_by_end", "kind", "leased_until", postgresql_where=sa.text("leased_until IS NOT NULL")),
    sa.Index("job_groups_by_next", "kind", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")),
    comment="Who has which group of jobs, and which is next. Whoever changes a group's jobs has its row locked.",
)

job_dead_letters = sa.Table(
    "job_dead_letters",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("group_name", sa.Text, nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("published_at", _AT, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("buried_at", _AT, nullable=False),
    sa.Index("job_dead_letters_by_time", "kind", "buried_at"),
    comment="Jobs that were given up, and why.",
)

job_tries = sa.Table(
    "job_tries",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("group_name", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("token", sa.BigInteger, comment="of the lock under which it is in hand"),
    sa.Column("tried_at", _AT, nullable=False),
    sa.Index("job_tries_by_group", "kind", "group_name"),
    comment="How often jobs were tried that lie in another queue, which does not count.",
)
