"""Which rows of Airflow's own tables go, in a real Postgres with the tables that the installed Airflow makes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from drivetrain.cleanup.database import clean_database
from drivetrain.cleanup.tables import ALIVE, RUN_PARTS
from hooks.airflow_metadata import AirflowMetadataHook
from tests.integration.cleanup.history import GENTLE, OLD, counts, everywhere, execute, run_ids
from tests.support.airflow_history import DAY, NOON, add_dags, add_runs, insert

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def test_all_that_belongs_to_old_runs_goes_and_what_is_young_stays(history: Engine, hook: AirflowMetadataHook) -> None:
    with history.begin() as connection:
        everywhere(connection)
    before = counts(history)
    assert {part.table for part in RUN_PARTS} <= set(before), "a row in each table that we name"
    report = clean_database(hook, GENTLE, NOON)
    after = counts(history)
    runs = 2 * 59 + 1
    assert (report.rows["dag_run"], report.rows["task_instance"]) == (runs, 2 * 59 * 3 + 2)
    assert report.rows["task_reschedule"] == 600
    assert {table: before[table] - after[table] for table in report.rows} == report.rows, "it counts what is gone"
    assert before - after == Counter(report.rows), "and nothing else is"
    assert set(before) - set(after) == {part.table for part in RUN_PARTS} - {
        *("dag_run", "task_instance", "xcom", "rendered_task_instance_fields")
    } | {"callback"}, "also the callback of a deadline that went"
    assert report.longest_seconds < 1
    assert report.is_complete
    assert clean_database(hook, GENTLE, NOON).rows == {}, "a second time there is nothing to do"


def test_a_dry_run_counts_the_same_and_changes_nothing(history: Engine, hook: AirflowMetadataHook) -> None:
    with history.begin() as connection:
        everywhere(connection)
    before = counts(history)
    counted = clean_database(hook, GENTLE, NOON, dry_run=True)
    assert counts(history) == before
    done = clean_database(hook, GENTLE, NOON)
    # Whose parent has to go first can't be seen before: the callback of a deadline.
    assert counted.rows == {table: rows for table, rows in done.rows.items() if table != "callback"}


@pytest.mark.parametrize(
    "values",
    [
        {"state": "'running'"},
        {"state": "'queued'"},
        {"end_date": "now()"},
        {"end_date": "NULL", "updated_at": "now()"},
    ],
    ids=["running", "queued", "a backfill of last year that ended today", "an end that nobody noted"],
)
def test_runs_that_have_not_ended_long_ago_stay(
    history: Engine, hook: AirflowMetadataHook, values: dict[str, str]
) -> None:
    with history.begin() as connection:
        add_runs(connection, "dag_id = 'dag_0'", 1, until=OLD, run_id="'kept'", **values)
    clean_database(hook, GENTLE, NOON)
    assert "kept" in run_ids(history)


@pytest.mark.parametrize("state", ALIVE)
def test_an_ended_run_with_a_task_that_may_still_run_stays(
    history: Engine, hook: AirflowMetadataHook, state: str
) -> None:
    with history.begin() as connection:
        add_runs(connection, "dag_id = 'dag_0'", 1, until=OLD, run_id="'kept'")
    where = "run_id = 'kept' AND task_id = 'task_2'"
    execute(history, f"UPDATE task_instance SET state = '{state}' WHERE {where}")
    clean_database(hook, GENTLE, NOON)
    assert "kept" in run_ids(history)


def test_the_newest_of_each_dag_of_each_type_and_that_succeeded_stay_however_old(
    engine: Engine, hook: AirflowMetadataHook
) -> None:
    with engine.begin() as connection:
        add_dags(connection, 1)
        for place, (name, state, kind) in enumerate(
            [
                ("failed_2", "failed", "manual"),
                ("failed_1", "failed", "manual"),
                ("success_2", "success", "manual"),
                ("success_1", "success", "manual"),
                ("scheduled_2", "success", "scheduled"),
                ("scheduled_1", "success", "scheduled"),
            ]
        ):
            values = {"run_id": f"'{name}'", "state": f"'{state}'", "run_type": f"'{kind}'"}
            add_runs(connection, "true", 1, until=NOON - (200 + place) * DAY, **values)
    clean_database(hook, GENTLE.model_copy(update={"latest_runs": 1}), NOON)
    assert run_ids(engine) == ["failed_2", "scheduled_2", "success_2"]


def test_a_team_that_keeps_longer_keeps_longer(history: Engine, hook: AirflowMetadataHook) -> None:
    execute(history, "UPDATE dag_tag SET name = 'team:lending' WHERE dag_id = 'dag_1'")
    retention = GENTLE.model_validate(GENTLE.model_dump() | {"teams": {"lending": {"runs": "120d"}}})
    clean_database(hook, retention, NOON)
    with history.connect() as connection:
        query = sa.text("SELECT dag_id, count(*) FROM dag_run GROUP BY 1 ORDER BY 1")
        assert connection.execute(query).all() == [("dag_0", 91), ("dag_1", 121)]


def test_runs_of_a_dag_that_is_gone_go_too(history: Engine, hook: AirflowMetadataHook) -> None:
    execute(history, "UPDATE dag_run SET created_dag_version_id = NULL WHERE dag_id = 'dag_1'")
    execute(history, "UPDATE task_instance SET dag_version_id = NULL WHERE dag_id = 'dag_1'")
    execute(history, "DELETE FROM dag WHERE dag_id = 'dag_1'")
    assert clean_database(hook, GENTLE, NOON).rows["dag_run"] == 2 * 59


def test_old_versions_that_no_run_refers_to_go_and_the_latest_of_each_dag_stay(
    engine: Engine, hook: AirflowMetadataHook
) -> None:
    with engine.begin() as connection:
        add_dags(connection, 2, versions=20)
        young = "SELECT id FROM dag_version v WHERE v.dag_id = d.dag_id AND version_number = {}"
        for version, values in ((3, {}), (4, {"state": "'running'"})):
            add_runs(connection, "dag_id = 'dag_0'", 1, created_dag_version_id=f"({young.format(version)})", **values)
        add_runs(connection, "dag_id = 'dag_0'", 1, until=OLD, created_dag_version_id=f"({young.format(5)})")
        add_runs(connection, "dag_id = 'dag_0'", 2)
        # a try of a young run, of an older version
        key = {"dag_id": "i.dag_id", "task_id": "i.task_id", "run_id": "i.run_id", "map_index": "i.map_index"}
        version = f"({young.replace('d.dag_id', 'i.dag_id').format(6)})"
        source = f"task_instance i WHERE i.start_date > '{(NOON - DAY).isoformat()}' LIMIT 1"
        insert(connection, "task_instance_history", source, **key, try_number="1", dag_version_id=version)
    report = clean_database(hook, GENTLE.model_copy(update={"dag_versions": 2}), NOON)
    with engine.connect() as connection:
        query = sa.text(
            "SELECT dag_id, array_agg(version_number ORDER BY version_number) FROM dag_version GROUP BY 1 ORDER BY 1"
        )
        assert connection.execute(query).all() == [("dag_0", [3, 4, 6, 19, 20]), ("dag_1", [19, 20])]
    assert {report.rows[name] for name in ("dag_version", "serialized_dag", "dag_code")} == {33}


def test_other_rows_go_by_their_own_age(engine: Engine, hook: AirflowMetadataHook) -> None:
    def at(days: int) -> str:
        return f"'{(NOON - days * DAY).isoformat()}'::timestamptz"

    with engine.begin() as connection:
        add_dags(connection, 1)
        for days in (200, 170):
            insert(connection, "log", "generate_series(1, 250)", dttm=at(days), event="'x'")
        insert(connection, "log", dttm="NULL", event="'x'")
        for days in (40, 20):
            insert(connection, "job", latest_heartbeat=at(days))
            for state in ("success", "failed", "running", "scheduled"):
                insert(connection, "callback", state=f"'{state}'", created_at=at(days))
        for days in (2, -1):
            insert(connection, "session", expiry=at(days), session_id=f"'{days}'")
        insert(connection, "asset", "generate_series(1, 3) g", name="'asset_' || g", uri="'asset_' || g")
        for days in (300, 200, 100, 10):
            insert(connection, "asset_event", "asset a WHERE a.name <> 'asset_3'", asset_id="a.id", timestamp=at(days))
        insert(connection, "asset_event", "asset a WHERE a.name = 'asset_3'", asset_id="a.id", timestamp=at(300))
        # somebody waits for asset_2 and another one
        waits = "asset a WHERE a.name = 'asset_2'"
        insert(connection, "asset_dag_run_queue", waits, asset_id="a.id", target_dag_id="'dag_0'")
    rows = clean_database(hook, GENTLE, NOON).rows
    # asset_event: of asset_1 those of 300, 200 and 100 days; asset_2 is waited for, asset_3 has but one.
    assert rows == {"log": 250, "job": 1, "callback": 3, "session": 1, "asset_event": 3}
