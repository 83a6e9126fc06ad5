"""The tasks as Airflow runs them: who deletes and who only counts, whose logs are whose, what is told."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drivetrain.sheets.requests import stage_title
from operators.platform_cleanup import (
    CleanupOperator,
    MetadataCleanupOperator,
    StagingTabsCleanupOperator,
    TaskLogsCleanupOperator,
    is_rehearsal,
)
from standins.sheets.testing import SheetsStandin
from tests.support.airflow_history import DAY, add_dags, add_runs
from tests.support.operators import Context
from tests.support.postgres import running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine


@pytest.fixture
def include(tmp_path: Path) -> Path:
    (tmp_path / "include" / "cleanup").mkdir(parents=True)
    return tmp_path / "include"


def retention(include: Path, **given: Any) -> None:
    text = json.dumps({"batches": {"rest": 0, "vacuum": False}, **given})
    (include / "cleanup" / "retention.yaml").write_text(text)


def run(kind: type[CleanupOperator], include: Path, *, run_type: str = "manual", **params: Any) -> dict[str, Any]:
    told = kind(task_id="clean", include=str(include)).execute(Context(run_type=run_type, **params))  # type: ignore[arg-type]
    assert json.loads(json.dumps(told)) == told
    return told


@pytest.mark.parametrize(
    ("run_type", "params", "rehearsal"),
    [
        ("scheduled", {"dry_run": True}, False),
        ("scheduled", {}, False),
        ("manual", {"dry_run": True}, True),
        ("manual", {}, True),
        ("manual", {"dry_run": False}, False),
        ("backfill", {"dry_run": True}, True),
        ("asset_triggered", {"dry_run": True}, True),
    ],
)
def test_the_schedule_deletes_and_whoever_triggers_it_has_to_say_so(
    run_type: str, params: dict[str, Any], rehearsal: bool
) -> None:
    assert is_rehearsal(Context(run_type=run_type, **params)) is rehearsal  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [MetadataCleanupOperator, TaskLogsCleanupOperator, StagingTabsCleanupOperator])
def test_a_misspelled_parameter_and_a_broken_file_stop_it(kind: type[CleanupOperator], include: Path) -> None:
    retention(include)
    with pytest.raises(AirflowFailException, match="conf: unknown key dryrun; known: dry_run"):
        run(kind, include, dryrun=True)
    (include / "cleanup" / "retention.yaml").write_text("default: {run: 90d}\n")
    with pytest.raises(AirflowFailException, match=r"retention\.yaml: default\.run: unknown key; known here: log_size"):
        run(kind, include)


@pytest.fixture
def history(engine: Engine) -> Engine:
    now = dt.datetime.now(dt.UTC)
    with engine.begin() as connection:
        add_dags(connection, 1)
        add_runs(connection, "true", 120, until=now)
    return engine


def test_rows_go_by_schedule_and_a_copy_is_kept(history: Engine, include: Path, tmp_path: Path) -> None:
    retention(include, archive=(tmp_path / "archive").as_uri())
    counted = run(MetadataCleanupOperator, include, dry_run=True)
    assert (counted["dry_run"], counted["rows"]["dag_run"], counted["archived_rows"]) == (True, 30, 0)
    assert not (tmp_path / "archive").exists()
    told = run(MetadataCleanupOperator, include, run_type="scheduled", dry_run=True)
    assert told["rows"] == counted["rows"]
    assert told["archived_rows"] == sum(told["rows"].values())
    assert list((tmp_path / "archive" / "runs").rglob("*.jsonl.gz"))
    assert told["database_bytes"] > 0


def test_when_the_time_is_up_it_ends_well_and_the_next_run_goes_on(history: Engine, include: Path) -> None:
    retention(include)
    task = MetadataCleanupOperator(task_id="clean", include=str(include), budget_minutes=0)
    told = task.execute(Context(dry_run=False))  # type: ignore[arg-type]
    assert (told["is_complete"], told["rows"]) == (False, {})
    assert run(MetadataCleanupOperator, include, dry_run=False)["rows"]["dag_run"] == 30


def test_logs_go_by_the_teams_of_the_dags(
    history: Engine, include: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path / "logs"))
    monkeypatch.setenv("AIRFLOW__LOGGING__REMOTE_LOGGING", "True")
    monkeypatch.setenv("AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER", "s3://elsewhere/logs")
    with history.begin() as connection:
        add_runs(connection, "true", 1, run_id="'alive'", state="'running'")
    for dag, name, days in [
        ("dag_0", "old", 40),
        ("dag_0", "young", 5),
        ("dag_0", "alive", 40),
        ("gone", "old", 25),
    ]:
        file = tmp_path / "logs" / f"dag_id={dag}" / f"run_id={name}" / "task_id=t" / "attempt=1.log"
        file.parent.mkdir(parents=True)
        file.write_text("line\n")
        at = (dt.datetime.now(dt.UTC) - days * DAY).timestamp()
        os.utime(file, (at, at))
    retention(include, default={"logs": "20d"}, teams={"retail": {"logs": "30d"}})
    told = run(TaskLogsCleanupOperator, include, dry_run=False)
    assert told["local"]["files"] == {"none": 1, "retail": 1}
    assert told["local"]["bytes"] == {"none": 5, "retail": 5}
    assert told["local"]["kept_bytes"]["retail"] == 10
    assert told["unknown"] == "s3://elsewhere/logs"
    left = {path.parts[-3] for path in (tmp_path / "logs").rglob("*.log")}
    assert left == {"run_id=young", "run_id=alive"}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SheetsStandin]:
    from hooks.state import StateHook

    folder = tmp_path_factory.mktemp("state")
    with SheetsStandin() as sheets, running_postgres(folder) as state, pytest.MonkeyPatch.context() as patch:
        extra = {"api_root": sheets.url, "keyfile_paths": [str(sheets.keyfile())]}
        connection = {"conn_type": "googlesheets", "extra": extra}
        patch.setenv("AIRFLOW_CONN_GOOGLE_SHEETS_DEFAULT", json.dumps(connection))
        patch.setenv("AIRFLOW_CONN_DRIVETRAIN_STATE", json.dumps(state))
        StateHook().migrate()
        yield sheets


def sync_spec(include: Path, name: str, spreadsheet_id: str) -> None:
    spec = {
        "sync": name,
        "description": "x",
        "team": "retail",
        "owner": "a@b.example",
        "source": {"query": f"{name}.sql"},
        "target": {"spreadsheet_id": spreadsheet_id, "tab": "Data"},
        "mode": "replace",
        "columns": [{"name": "ID", "type": "integer"}],
    }
    for folder, file, text in [
        ("specs/sheets", f"{name}.yaml", json.dumps(spec)),
        ("sql/sheets", f"{name}.sql", "SELECT 1 AS ID\n"),
    ]:
        (include / folder).mkdir(parents=True, exist_ok=True)
        (include / folder / file).write_text(text)


def titles(sheets: SheetsStandin, spreadsheet_id: str) -> list[str]:
    return [tab.title for tab in sheets.gspread_client().open_by_key(spreadsheet_id).worksheets(exclude_hidden=False)]


def stage(sheets: SheetsStandin, spreadsheet_id: str, sync: str, gid: int) -> None:
    properties = {"sheetId": gid, "title": stage_title(sync, gid), "hidden": True}
    book = sheets.gspread_client().open_by_key(spreadsheet_id)
    book.batch_update({"requests": [{"addSheet": {"properties": properties}}]})


def test_hidden_tabs_of_killed_syncs_go_but_not_from_under_somebody(servers: SheetsStandin, include: Path) -> None:
    from hooks.state import StateHook

    retention(include, staging_tabs={"over_nights": 1})
    books = [servers.create_spreadsheet(title=f"b{n}", tabs=["Data"], share_with=["sync-1"]) for n in range(3)]
    for number, book in enumerate(books):
        sync_spec(include, f"sync_{number}", book)
        if number < 2:
            stage(servers, book, f"sync_{number}", 70 + number)
            stage(servers, book, "of_a_sync_that_is_gone", 80 + number)
    sync_spec(include, "sync_3", "no-such-workbook-0000000000000")
    told = run(StagingTabsCleanupOperator, include)
    assert (told["workbooks"], told["tabs"], told["dry_run"]) == (3, 4, True)
    assert list(told["skipped"]) == ["no-such-workbook-0000000000000"]
    assert len(titles(servers, books[0])) == 3
    with StateHook().workbook(books[1]):
        told = run(StagingTabsCleanupOperator, include, run_type="scheduled")
    assert (told["workbooks"], told["tabs"]) == (2, 2)
    assert "another run has had it" in told["skipped"][books[1]]
    assert titles(servers, books[0]) == ["Data"]
    assert len(titles(servers, books[1])) == 3
    assert run(StagingTabsCleanupOperator, include, run_type="scheduled")["tabs"] == 2
    assert titles(servers, books[1]) == titles(servers, books[2]) == ["Data"]


def test_workbooks_none_of_which_can_be_read_fail_the_task(servers: SheetsStandin, include: Path) -> None:
    retention(include, staging_tabs={"over_nights": 1})
    sync_spec(include, "sync_3", "no-such-workbook-0000000000000")
    with pytest.raises(AirflowFailException, match="no-such-workbook-0000000000000"):
        run(StagingTabsCleanupOperator, include)
