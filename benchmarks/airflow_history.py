"""A year of runs in Airflow's own tables, as fast as Postgres takes them."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from tests.support.airflow_history import add_runs, insert

DAGS, TASKS_A_RUN = 75, 4
SPAN = dt.timedelta(days=365)
_CHUNKS = 52
_BUNDLE = "history"


def fill(
    dsn: str | sa.URL,
    *,
    task_instances: int = 3_000_000,
    until: dt.datetime | None = None,
    span: dt.timedelta = SPAN,
    dags: int = DAGS,
) -> None:
    """Make runs that succeeded, spread evenly over DAGs and time, four tasks each with an XCom and an audit row.

    DAGs that Airflow knows get them as well; what is missing of `dags` is made: DAGs that no file has any more. The
    scheduler may run meanwhile, but begin no run: nothing here is a state that it looks for.

    Args:
        dsn: Airflow's database, as its superuser: foreign keys are not checked for each of the rows.
        task_instances: how many, about.
        until: when the last run was; None: now.
        span: how long before that the first one was.
        dags: of how many DAGs.
    """
    until = until or dt.datetime.now(dt.UTC)
    engine = sa.create_engine(dsn, connect_args={"application_name": "history"})
    with engine.begin() as connection:
        known = connection.execute(sa.text("SELECT count(DISTINCT dag_id) FROM dag_version")).scalar_one()
        _add_dags(connection, max(0, dags - known), until - span)
        known = connection.execute(sa.text("SELECT count(DISTINCT dag_id) FROM dag_version")).scalar_one()
    runs = max(1, round(task_instances / known / TASKS_A_RUN))
    every, begun = span / runs, 0
    for chunk in range(_CHUNKS):
        # From the oldest on, all DAGs at a time: rows lie on the disk and in the indexes as time made them.
        end = runs * (chunk + 1) // _CHUNKS
        if end > begun:
            at = until - (runs - end) * every
            with engine.begin() as connection:
                connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
                kind = f"CASE WHEN bundle_name = '{_BUNDLE}' THEN 'scheduled' ELSE 'manual' END"
                where = "dag_id IN (SELECT dag_id FROM dag_version)"
                given = {"tasks": TASKS_A_RUN, "until": at, "every": every, "rendered": False}
                add_runs(connection, where, end - begun, run_type=kind, **given)
        begun = end
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
        plain.execute(sa.text("VACUUM ANALYZE"))
    engine.dispose()


def _add_dags(connection: sa.Connection, dags: int, since: dt.datetime) -> None:
    if not dags:
        return
    each = f"generate_series(1, {dags}) g"
    insert(connection, "dag_bundle", name=f"'{_BUNDLE}'")
    insert(connection, "dag", each, dag_id="'history_' || g", bundle_name=f"'{_BUNDLE}'", is_stale="true")
    insert(connection, "dag_tag", each, dag_id="'history_' || g", name="'team:platform'")
    own = f"dag d WHERE d.bundle_name = '{_BUNDLE}'"
    at = f"'{since.isoformat()}'::timestamptz"
    insert(connection, "dag_version", own, dag_id="d.dag_id", version_number="1", created_at=at)
