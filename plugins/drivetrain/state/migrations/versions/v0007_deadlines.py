"""Jobs have a deadline, which decides among those of one priority."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

AT = sa.DateTime(timezone=True)
READY = sa.text("ready_id IS NOT NULL")
PRIORITY, READY_PRIORITY = sa.text("priority DESC"), sa.text("ready_priority DESC")


def upgrade() -> None:
    """Add it; jobs that wait already get the time at which they were published, so that they keep their order."""
    # The default is for dispatchers of the version before, which go on until they are replaced.
    op.add_column(
        "jobs",
        sa.Column("deadline", AT, nullable=False, server_default=sa.func.now(), comment="by when it is to be done"),
    )
    op.execute("UPDATE jobs SET deadline = published_at")
    op.drop_index("jobs_by_group", "jobs")
    op.create_index("jobs_by_group", "jobs", ["kind", "group_name", PRIORITY, "deadline", "id"])
    op.add_column("job_groups", sa.Column("ready_deadline", AT, comment="the earliest of its jobs that may be done"))
    op.execute(
        "UPDATE job_groups g SET ready_deadline = (SELECT min(deadline) FROM jobs j"
        " WHERE (j.kind, j.group_name) = (g.kind, g.group_name)) WHERE ready_id IS NOT NULL"
    )
    op.drop_index("job_groups_by_urgency", "job_groups")
    op.create_index(
        "job_groups_by_urgency",
        "job_groups",
        ["kind", READY_PRIORITY, "ready_deadline", "ready_id"],
        postgresql_where=READY,
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_index("job_groups_by_urgency", "job_groups")
    op.drop_column("job_groups", "ready_deadline")
    op.create_index("job_groups_by_urgency", "job_groups", ["kind", READY_PRIORITY, "ready_id"], postgresql_where=READY)
    op.drop_index("jobs_by_group", "jobs")
    op.drop_column("jobs", "deadline")
    op.create_index("jobs_by_group", "jobs", ["kind", "group_name", PRIORITY, "id"])
