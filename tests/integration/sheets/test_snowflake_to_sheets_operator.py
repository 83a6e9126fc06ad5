"""The operator as Airflow runs it: several syncs of one workbook, each with its outcome, event, rejects and error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from drivetrain.errors import RetriableError
from drivetrain.sheets.catalog import Sync
from drivetrain.sheets.port import Settings
from drivetrain.sheets.registry import spec_hash
from hooks.state import StateHook
from operators.snowflake_to_sheets import SnowflakeToSheetsOperator
from tests.support.operators import NOON, Context, connected_servers, kept_rejects
from tests.support.sheets import open_workbook, sync_spec, tab_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standins.sheets.testing import SheetsStandin
    from standins.snowflake.testing import SnowflakeStandin

CARS = """
CREATE TABLE MARKETPLACE.SALES.CARS AS SELECT * FROM (VALUES
  ('Pune', '007', 'Swift', 7), ('Pune', '008', 'Baleno', 8), ('Goa', '009', 'Nexon', 9), ('Goa', '009', 'Punch', 10)
) AS T (CITY, CODE, NAME, SCORE)"""
QUERY = "SELECT CODE, NAME, SCORE FROM MARKETPLACE.SALES.CARS WHERE CITY = %(city)s ORDER BY SCORE"


@pytest.fixture(scope="module", autouse=True)
def servers(sheets: SheetsStandin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnowflakeStandin]:
    statements = ("CREATE DATABASE MARKETPLACE", "CREATE SCHEMA MARKETPLACE.SALES", CARS)
    with connected_servers(sheets, tmp_path_factory.mktemp("state"), *statements) as snowflake:
        yield snowflake


def sync(workbook: str, name: str, city: str = "Pune", sql: str = QUERY, **changes: Any) -> Sync:
    source = {"query": sql, "parameters": {"city": city}} | changes.pop("source", {})
    spec = sync_spec(sync=name, source=source, target={"spreadsheet_id": workbook, "tab": name}, **changes)
    return Sync(spec, sql)


def operator(*syncs: Sync) -> SnowflakeToSheetsOperator:
    return SnowflakeToSheetsOperator(task_id="workbook", syncs=syncs, settings=Settings(attempts=1))


def writes(sheets: SheetsStandin) -> int:
    return sum(call["kind"] == "write" for call in sheets.calls())


def test_syncs_of_a_workbook_share_a_write_and_each_has_its_outcome_and_event(
    sheets: SheetsStandin, workbook: str
) -> None:
    task = operator(sync(workbook, "pune"), sync(workbook, "goa", "Goa", mode="mirror", keys=["CODE"]))
    before, context = writes(sheets), Context("first")
    returned = task.execute(context)  # type: ignore[arg-type]
    assert writes(sheets) == before + 1
    assert {name: (one["outcome"], one["rows"]) for name, one in returned.items()} == {
        "pune": ("written", 2),
        "goa": ("written", 1),
    }
    assert sum(one["write_calls"] for one in returned.values()) == 1
    assert tab_values(sheets, workbook, "goa")[1:] == [["009", "Punch", 10]]
    assert json.loads(json.dumps(returned)) == returned
    assert context.pushed == {"google_sheet_link": returned["pune"]["url"]}
    assert context.events == [
        (f"googlesheets://{workbook}/pune", {"rows": 2, "run_id": "first"}),
        (f"googlesheets://{workbook}/goa", {"rows": 1, "run_id": "first"}),
    ]
    assert [row[0] for row in kept_rejects("first")] == ["goa"], "the first of two rows with one key"
    again = Context("again")
    returned = task.execute(again)  # type: ignore[arg-type]
    assert {one["outcome"] for one in returned.values()} == {"unchanged"}
    assert (writes(sheets), again.events) == (before + 1, [])


def test_one_that_fails_fails_the_task_after_the_others_are_written(sheets: SheetsStandin, workbook: str) -> None:
    wrong = sync(workbook, "wrong", sql="SELECT * FROM MARKETPLACE.SALES.NO_SUCH_TABLE")
    context = Context("first")
    with pytest.raises(AirflowFailException, match=r"^sync wrong: Snowflake refuses the query: .*NO_SUCH_TABLE"):
        operator(wrong, sync(workbook, "pune")).execute(context)  # type: ignore[arg-type]
    told = context.pushed["return_value"]
    assert {name: one["outcome"] for name, one in told.items()} == {"wrong": "failed", "pune": "written"}
    assert "NO_SUCH_TABLE" in told["wrong"]["error"]
    assert len(tab_values(sheets, workbook, "pune")) == 3


def test_a_later_try_makes_the_events_that_a_failed_one_could_not(sheets: SheetsStandin, workbook: str) -> None:
    book = open_workbook(sheets, workbook)
    pune, goa = sync(workbook, "pune"), sync(workbook, "goa", "Goa")
    sheets.fault("reset_after", method="spreadsheets.batchUpdate", spreadsheet_id=workbook)
    with pytest.raises(RetriableError, match="lost"):
        operator(pune, goa).execute(Context("run"))  # type: ignore[arg-type]
    assert len(book.worksheets()) == 3, "written, though nobody heard"
    context = Context("run", try_number=2)
    returned = operator(pune, goa).execute(context)  # type: ignore[arg-type]
    assert {one["outcome"] for one in returned.values()} == {"unchanged"}
    assert len(context.events) == 2


def test_one_wrong_password_is_said_once_and_tried_once(
    servers: SnowflakeStandin, sheets: SheetsStandin, workbook: str
) -> None:
    refused = [sync(workbook, name, source={"connection": "snowflake_refused"}) for name in ("one", "two")]
    context = Context("first")
    with pytest.raises(AirflowFailException) as caught:
        operator(*refused, sync(workbook, "pune")).execute(context)  # type: ignore[arg-type]
    assert str(caught.value).startswith("one, two: connection snowflake_refused: Snowflake refuses the log-in: ")
    assert "\n" not in str(caught.value)
    assert context.pushed["return_value"]["pune"]["outcome"] == "written"
    assert len(tab_values(sheets, workbook, "pune")) == 3


def test_a_dry_run_returns_each_plan_and_writes_nothing(sheets: SheetsStandin, workbook: str) -> None:
    before, context = writes(sheets), Context("dry", dry_run=True)
    returned = operator(sync(workbook, "pune"), sync(workbook, "goa", "Goa")).execute(context)  # type: ignore[arg-type]
    assert {name: (one["outcome"], one["rows_added"]) for name, one in returned.items()} == {
        "pune": ("planned", 2),
        "goa": ("planned", 2),
    }
    assert (writes(sheets), context.events) == (before, [])


def test_a_run_is_for_the_syncs_that_it_names_or_that_are_due(sheets: SheetsStandin, workbook: str) -> None:
    noon = sync(workbook, "noon", schedule={"cron": "0 12 * * *"})
    night = sync(workbook, "night", schedule={"cron": "0 0 * * *"})
    task = operator(noon, night)
    assert list(task.execute(Context(syncs=["night"]))) == ["night"]  # type: ignore[arg-type]
    assert list(task.execute(Context(run_type="scheduled"))) == ["noon"]  # type: ignore[arg-type]
    with pytest.raises(AirflowSkipException, match="none of 2 syncs: sync noon: not among the run's syncs"):
        task.execute(Context(syncs=["other"]))  # type: ignore[arg-type]
    with pytest.raises(AirflowSkipException, match="not due at 2026-11-24 12:00"):
        operator(night).execute(Context(run_type="scheduled"))  # type: ignore[arg-type]
    with pytest.raises(AirflowFailException, match="conf: unknown key dryrun"):
        task.execute(Context(dryrun=True))  # type: ignore[arg-type]
    assert Context()["dag_run"].run_after == NOON


def test_what_a_run_by_hand_wrote_is_for_workers_to_rely_on_unless_a_template_made_its_query(workbook: str) -> None:
    pune = sync(workbook, "pune_by_hand")
    task = operator(pune)
    task.execute(Context("first"))  # type: ignore[arg-type]
    remembered = StateHook().memory.load(["pune_by_hand"])["pune_by_hand"]
    assert (remembered.spec_hash, remembered.rows) == (spec_hash(pune), 2)
    assert remembered.result_digest
    task.sql["pune_by_hand"] += " LIMIT 1"  # as Airflow renders a text
    task.execute(Context("second"))  # type: ignore[arg-type]
    assert StateHook().memory.load(["pune_by_hand"])["pune_by_hand"].spec_hash == ""


def test_a_run_by_hand_is_on_record_with_those_of_workers(sheets: SheetsStandin, workbook: str) -> None:
    pune = sync(workbook, "pune", schedule={"cron": "0 12 * * *"})
    wrong = sync(workbook, "wrong", sql="SELECT * FROM MARKETPLACE.SALES.NO_SUCH_TABLE")
    operator(pune, wrong).execute(Context("dry", dry_run=True, syncs=["pune"]))  # type: ignore[arg-type]
    with pytest.raises(AirflowFailException):
        operator(pune, wrong).execute(Context("by_hand", try_number=2))  # type: ignore[arg-type]
    operator(pune).execute(Context("at_noon", run_type="scheduled"))  # type: ignore[arg-type]
    query = "SELECT job_key, trigger, outcome, rows, attempt, is_final, due_at FROM sheet_runs WHERE sync IN :syncs"
    with StateHook().engine.connect() as connection:
        syncs = sa.bindparam("syncs", ["pune", "wrong"], expanding=True)
        found = {row[0]: tuple(row[1:]) for row in connection.execute(sa.text(query).bindparams(syncs))}
    assert {key: row for key, row in found.items() if key.endswith(("!dry", "!by_hand", "!at_noon"))} == {
        "pune!by_hand": ("demand", "written", 2, 2, True, NOON),
        "wrong!by_hand": ("demand", "failed", 0, 2, True, NOON),
        "pune!at_noon": ("schedule", "unchanged", 2, 1, True, NOON),
    }


def test_lineage_is_of_the_syncs_that_ran(workbook: str) -> None:
    task = operator(sync(workbook, "pune"), sync(workbook, "goa", "Goa"))
    assert [asset.uri for asset in task.inlets] == ["snowflake://snowflake_default/marketplace/sales/cars"]
    assert [alias.name for alias in task.outlets] == ["sheet:pune", "sheet:goa"]
    task.execute(Context(syncs=["goa"]))  # type: ignore[arg-type]
    lineage = task.get_openlineage_facets_on_complete(None)
    assert [(d.namespace, d.name) for d in lineage.inputs] == [
        ("snowflake://snowflake_default", "MARKETPLACE.SALES.CARS")
    ]
    assert [(d.namespace, d.name) for d in lineage.outputs] == [(f"googlesheets://{workbook}", "goa")]


def test_a_single_sync_may_be_given_as_older_dag_versions_do(workbook: str) -> None:
    pune = sync(workbook, "pune")
    task = SnowflakeToSheetsOperator(task_id="pune", spec=pune.spec, sql=pune.sql)
    assert task.execute(Context())["pune"]["outcome"] == "written"  # type: ignore[arg-type]


def test_a_task_is_of_one_workbook(workbook: str) -> None:
    for syncs in ([], [sync(workbook, "pune"), sync("2" * 44, "goa")]):
        with pytest.raises(ValueError, match="one or more, all of one workbook"):
            operator(*syncs)
