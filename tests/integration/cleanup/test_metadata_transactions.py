"""How rows go: in small transactions, in nobody's way, killed anywhere, and into the archive before."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from drivetrain.cleanup.archive import Archive
from drivetrain.cleanup.database import clean_database
from drivetrain.cleanup.metadata import BatchTooLongError, RowsBusyError
from drivetrain.cleanup.retention import Batches, Retention
from drivetrain.cleanup.tables import RUN_PARTS
from drivetrain.errors import FatalError, UnavailableError
from hooks.airflow_metadata import AirflowMetadataHook
from hooks.file_stores import Folder
from tests.integration.cleanup.history import GENTLE, OLD, counts, everywhere, execute
from tests.support.airflow_history import DAY, NOON, add_dags, add_runs

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def test_no_transaction_has_more_rows_than_it_may_however_many_a_run_has(
    engine: Engine, hook: AirflowMetadataHook
) -> None:
    with engine.begin() as connection:
        add_dags(connection, 1)
        add_runs(connection, "true", 3, until=OLD, tasks=400)
        add_runs(connection, "true", 3)
    sizes: list[int] = []
    delete = hook.delete_runs

    def noted(*given: Any) -> Any:
        done = delete(*given)
        sizes.append(sum(done.rows.values()))
        return done

    hook.delete_runs = noted  # type: ignore[method-assign]
    report = clean_database(hook, GENTLE, NOON)
    assert report.rows["task_instance"] == 1_200
    assert max(sizes) == 100
    assert len(sizes) == report.transactions >= 3 * 400 * 3 / 100


class Killed(BaseException):
    """The process died."""


@pytest.mark.parametrize("part", range(8))
def test_killed_at_any_statement_and_run_again_the_end_is_the_same(
    history: Engine, airflow_database: dict[str, object], part: int
) -> None:
    with history.begin() as connection:
        everywhere(connection)
    before = counts(history)
    statements = 40 + 41 * part

    def die(*_: Any) -> None:
        nonlocal statements
        statements -= 1
        if statements == 0:
            raise Killed

    first = AirflowMetadataHook()
    sa.event.listen(first.engine, "before_cursor_execute", die)
    with pytest.raises(Killed):
        clean_database(first, GENTLE, NOON)
    first.engine.dispose()
    assert counts(history) != before or part == 0
    second = AirflowMetadataHook()
    clean_database(second, GENTLE, NOON)
    second.engine.dispose()
    left = counts(history)
    assert (left["dag_run"], left["task_instance"], left["xcom"], left["log"]) == (182, 546, 546, before["log"])
    assert not {"task_reschedule", "hitl_detail_history", "callback", "deadline"} & set(left)


def test_a_row_that_somebody_holds_is_left_and_waited_for_briefly(history: Engine, hook: AirflowMetadataHook) -> None:
    with history.connect() as somebody:
        somebody.execute(sa.text("SELECT 1 FROM dag_run WHERE dag_id = 'dag_0' AND run_id = 'run_149' FOR UPDATE"))
        report = clean_database(hook, GENTLE, NOON)
        assert report.rows["dag_run"] == 2 * 59 - 1
    with history.connect() as somebody:
        somebody.execute(sa.text("UPDATE xcom SET key = 'held' WHERE dag_id = 'dag_0' AND run_id = 'run_149'"))
        (run,) = hook.old_runs({"dag_0": NOON - 90 * DAY}, [], None, 10)
        with pytest.raises(RowsBusyError, match="lock timeout"):
            hook.delete_runs([run.id], {"dag_0": NOON - 90 * DAY}, 1_000)
    assert clean_database(hook, GENTLE, NOON).rows["dag_run"] == 1


def test_a_run_that_was_cleared_since_it_was_found_stays(history: Engine, hook: AirflowMetadataHook) -> None:
    cutoffs = {"dag_0": NOON - 90 * DAY}
    found = [run.id for run in hook.old_runs(cutoffs, [], None, 10)]
    execute(history, "UPDATE dag_run SET state = 'queued', end_date = NULL WHERE id = :run", run=found[0])
    before = counts(history)
    assert hook.delete_runs(found[:1], cutoffs, 1_000).rows == {}
    assert hook.delete_runs(found, cutoffs, 1_000).rows["dag_run"] == 9
    assert counts(history)["dag_run"] == before["dag_run"] - 9


def test_the_scheduler_takes_new_work_while_old_runs_go(history: Engine, hook: AirflowMetadataHook) -> None:
    """What it locks and inserts is never in the way: a lock time-out would end the statements here."""
    begun, stopped = threading.Event(), threading.Event()
    done: list[int] = []
    failed: list[Exception] = []

    def scheduler() -> None:
        try:
            while not stopped.is_set():
                with history.begin() as connection:
                    connection.execute(sa.text("SET LOCAL lock_timeout = '50ms'"))
                    add_runs(connection, "dag_id = 'dag_0'", 1, state="'running'", run_id=f"'new_{len(done)}'", tasks=2)
                    query = "SELECT id FROM task_instance WHERE run_id LIKE 'new%' FOR UPDATE SKIP LOCKED"
                    done.append(len(connection.execute(sa.text(query)).all()))
                begun.set()
        except Exception as error:
            failed.append(error)
            begun.set()

    thread = threading.Thread(target=scheduler)
    thread.start()
    assert begun.wait(30)  # the newest runs, which stay, are then those of the thread
    report = clean_database(hook, Retention(batches=Batches(rest=0, most_rows=10)), NOON)
    stopped.set()
    thread.join()
    assert failed == []
    assert done
    assert report.rows["dag_run"] == 2 * 59


def test_what_goes_is_in_the_archive_and_can_be_put_back(
    history: Engine, hook: AirflowMetadataHook, tmp_path: Path
) -> None:
    with history.begin() as connection:
        everywhere(connection)
    before = counts(history)
    report = clean_database(hook, GENTLE, NOON, archive=Archive(Folder(tmp_path), NOON))
    assert report.archived_bytes == sum(file.stat().st_size for file in tmp_path.rglob("*.jsonl.gz"))
    lines = [
        json.loads(line) for file in tmp_path.rglob("*.gz") for line in gzip.decompress(file.read_bytes()).splitlines()
    ]
    assert report.archived_rows == len(lines)
    archived = Counter(line["table"] for line in lines)
    assert archived == Counter(report.rows) - Counter({"callback": 1})
    # Parents before children, as docs/CLEANUP.md says.
    with history.begin() as connection:
        for part in reversed(RUN_PARTS):
            rows = json.dumps([line["row"] for line in lines if line["table"] == part.table])
            query = f"INSERT INTO {part.table} SELECT * FROM json_populate_recordset(NULL::{part.table}, :rows)"
            if part.table != "deadline":  # whose callback is gone
                connection.execute(sa.text(query), {"rows": rows})
    after = counts(history)
    assert {name: before[name] - after[name] for name in before if before[name] != after[name]} == {
        "callback": 1,
        "deadline": 1,
    }


def test_a_statement_that_takes_too_long_is_ended_and_a_lost_server_is_tried_again(hook: AirflowMetadataHook) -> None:
    with pytest.raises(BatchTooLongError, match="statement timeout"), hook._transaction(0.05) as connection:
        connection.execute(sa.text("SELECT pg_sleep(5)"))
    with pytest.raises(UnavailableError, match="connection airflow_db_cleanup"):
        hook._rows("SELECT pg_terminate_backend(pg_backend_pid())")
    assert hook._rows("SELECT 1") == [(1,)]
    with pytest.raises(FatalError, match=r"tables are others than drivetrain\.cleanup\.tables says"):
        hook._rows("SELECT 1 FROM no_such_table")


def test_without_its_connection_it_says_what_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", "/nonexistent")
    with pytest.raises(FatalError, match=r"connection no_such_connection: there is none: add one .*docs/CLEANUP\.md"):
        AirflowMetadataHook("no_such_connection").teams()
