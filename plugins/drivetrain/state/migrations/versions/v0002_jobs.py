"""The job queue: jobs, groups, dead letters, tries of jobs that lie elsewhere."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the four tables and the sequence of lease tokens."""
    op.execute(sa.schema.CreateSequence(sa.Sequence("job_lease_tokens")))
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("group_name", sa.Text, nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, comment="how many there may be"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0", comment="how many there were"),
        sa.Column("published_at", AT, nullable=False),
        sa.Column("not_before", AT, nullable=False, comment="since when it may be done"),
        sa.Column("token", sa.BigInteger, comment="of the lease that has it in hand"),
        sa.Column("last_error", sa.Text),
        sa.UniqueConstraint("kind", "key", name="jobs_by_key"),
        comment="Jobs that wait or are in hand. A job that is done has no row.",
    )
    op.create_index("jobs_by_group", "jobs", ["kind", "group_name", sa.text("priority DESC"), "id"])
    op.create_table(
        "job_groups",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("group_name", sa.Text, primary_key=True),
        sa.Column("token", sa.BigInteger, comment="of the last lease; NULL once it ended without its holder's doing"),
        sa.Column("leased_until", AT, comment="NULL: nobody has it"),
        sa.Column("ready_priority", sa.Integer, comment="the highest of its jobs that may be done"),
        sa.Column("ready_id", sa.BigInteger, comment="the oldest of its jobs that may be done"),
        sa.Column("next_at", AT, comment="when the next of its other jobs may be done"),
        comment="Who has which group of jobs, and which is next. Whoever changes a group's jobs has its row locked.",
    )
    op.create_index(
        "job_groups_by_urgency",
        "job_groups",
        ["kind", sa.text("ready_priority DESC"), "ready_id"],
        postgresql_where=sa.text("ready_id IS NOT NULL"),
    )
    op.create_index(
        "job_groups_by_end",
        "job_groups",
        ["kind", "leased_until"],
        postgresql_where=sa.text("leased_until IS NOT NULL"),
    )
    op.create_index(
        "job_groups_by_next", "job_groups", ["kind", "next_at"], postgresql_where=sa.text("next_at IS NOT NULL")
    )
    op.create_table(
        "job_dead_letters",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("group_name", sa.Text, nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("published_at", AT, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("buried_at", AT, nullable=False),
        comment="Jobs that were given up, and why.",
    )
    op.create_index("job_dead_letters_by_time", "job_dead_letters", ["kind", "buried_at"])
    op.create_table(
        "job_tries",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("group_name", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("token", sa.BigInteger, comment="of the lock under which it is in hand"),
        sa.Column("tried_at", AT, nullable=False),
        comment="How often jobs were tried that lie in another queue, which does not count.",
    )
    op.create_index("job_tries_by_group", "job_tries", ["kind", "group_name"])


def downgrade() -> None:
    """Drop them."""
    for table in ("job_tries", "job_dead_letters", "job_groups", "jobs"):
        op.drop_table(table)
    op.execute(sa.schema.DropSequence(sa.Sequence("job_lease_tokens")))
