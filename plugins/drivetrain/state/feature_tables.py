"""The tables of what is known of feature views. migrations/ makes them; this is how the code sees them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from drivetrain.state.tables import metadata

_AT = sa.DateTime(timezone=True)

feature_views = sa.Table(
    "feature_views",
    metadata,
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("view", sa.Text, primary_key=True),
    sa.Column("team", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("freshness_seconds", sa.BigInteger, nullable=False, comment="how old what is served may become"),
    sa.Column("cron", sa.Text, comment="when it runs; none: it runs when files arrive, or by hand"),
    sa.Column("lands_in", sa.Text, comment="where files arrive that are loaded into its table"),
    sa.Column("registered_at", _AT, nullable=False, comment="when it was first seen"),
    sa.Column("removed_at", _AT, comment="since when there is no spec of it"),
    comment="Each feature view that has a spec, or had one.",
)

feature_watermarks = sa.Table(
    "feature_watermarks",
    metadata,
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("view", sa.Text, primary_key=True),
    sa.Column("read_until", _AT, nullable=False, comment="all that was there before that is in Redis"),
    sa.Column("run_id", sa.Text, nullable=False, comment="of the run that moved it"),
    sa.Column("moved_at", _AT, nullable=False),
    comment="How far each feature view was read. Only a run whose rows are all written moves it, and never back.",
)

feature_runs = sa.Table(
    "feature_runs",
    metadata,
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("view", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False, comment="news, backfill or prune"),
    sa.Column("started_at", _AT, nullable=False),
    sa.Column("finished_at", _AT),
    sa.Column("since", _AT),
    sa.Column("news_since", _AT),
    sa.Column("until", _AT, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False, comment="staged, refused or written"),
    sa.Column("detail", sa.Text, nullable=False, server_default="", comment="what the gates said"),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("written", sa.BigInteger),
    sa.Column("stale", sa.BigInteger),
    sa.Column("rejected", sa.BigInteger),
    sa.Column("bins", JSONB, nullable=False, comment="of features' values, for later runs to be compared with"),
    sa.Index("feature_runs_by_time", "project", "view", "started_at"),
    comment="How each run of a feature view went; one row a run.",
)

feature_files = sa.Table(
    "feature_files",
    metadata,
    sa.Column("bucket", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("generation", sa.BigInteger, primary_key=True),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("view", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False, comment="loaded or set aside"),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("landed_at", _AT, nullable=False),
    sa.Column("done_at", _AT, nullable=False),
    sa.Index("feature_files_by_time", "project", "view", "done_at"),
    comment="What became of each file that arrived for a feature view; one row a version of a file.",
)

feature_audits = sa.Table(
    "feature_audits",
    metadata,
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("view", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("audited_at", _AT, nullable=False),
    sa.Column("entities", sa.BigInteger, nullable=False),
    sa.Column("missing", sa.BigInteger, nullable=False, comment="Redis has nothing of them"),
    sa.Column("older", sa.BigInteger, nullable=False, comment="Redis has them of an earlier time"),
    sa.Column("newer", sa.BigInteger, nullable=False, comment="Redis has them of a later time; no skew"),
    sa.Column("different", JSONB, nullable=False, comment="how many have another value, by feature"),
    sa.Index("feature_audits_by_time", "project", "view", "audited_at"),
    comment="How what is served compared to what BigQuery has; one row an audit.",
)

feature_loads = sa.Table(
    "feature_loads",
    metadata,
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("view", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("since", _AT, comment="it asked for what was new from then on; none: for all"),
    sa.Column("until", _AT, nullable=False, comment="and before then; the largest that was loaded is the watermark"),
    sa.Column("outcome", sa.Text, nullable=False, comment="begun, refused or loaded"),
    sa.Column("detail", sa.Text, nullable=False, server_default="", comment="why it was refused"),
    sa.Column("rows", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("rejected", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("rejects", JSONB, nullable=False, server_default="[]", comment="the first of those, with the reason"),
    sa.Column("done_at", _AT),
    sa.Index("feature_loads_by_time", "project", "view", "until"),
    comment="What became of each query for rows of a feature view; one row a run.",
)
