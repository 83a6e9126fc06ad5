"""The operator as Airflow runs it: connections by id, rejects in Postgres, link, events, lineage; and its DAGs."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from operators.sheets_to_snowflake import SheetsToSnowflakeOperator
from tests.support.loads import load_spec
from tests.support.operators import NOON, Context, connected_servers, kept_rejects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standins.sheets.testing import SheetsStandin
    from standins.snowflake.testing import SnowflakeStandin

DAGS = Path(__file__).parents[3] / "dags"


@pytest.fixture(scope="module")
def platform(sheets: SheetsStandin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnowflakeStandin]:
    statements = (
        "CREATE DATABASE MARKETPLACE",
        "CREATE SCHEMA MARKETPLACE.SALES",
        "CREATE TABLE MARKETPLACE.SALES.T (CODE VARCHAR(6), N NUMBER(38,0))",
    )
    with connected_servers(sheets, tmp_path_factory.mktemp("state"), *statements) as snowflake:
        yield snowflake


@pytest.fixture
def task(platform: SnowflakeStandin, sheets: SheetsStandin, workbook: str) -> SheetsToSnowflakeOperator:
    values = [["CODE", "N"], ["a", 1], ["b", "x"]]
    tab = sheets.gspread_client().open_by_key(workbook).worksheet("Sheet1")
    tab.update(values, value_input_option="RAW")
    spec = load_spec(
        source={"spreadsheet_id": workbook, "tab": "Sheet1"},
        mode="replace",
        schedule={"cron": "0 12 * * *"},
        guards={"max_reject_share": 0.5, "max_delete_share": 1},
    )
    return SheetsToSnowflakeOperator(task_id="small", spec=spec)


def test_a_run_gives_a_summary_a_link_an_event_and_keeps_its_rejects_once(
    task: SheetsToSnowflakeOperator, sheets: SheetsStandin
) -> None:
    context = Context("first")
    summary = task.execute(context)  # type: ignore[arg-type]
    assert (summary["load"], summary["outcome"], summary["team"]) == ("small", "written", "retail")
    assert [summary[f"rows_{what}"] for what in ("read", "inserted", "rejected")] == [2, 1, 1]
    assert "rejects" not in summary
    assert "preview" not in summary
    assert json.loads(json.dumps(summary)) == summary
    url = f"{sheets.url}/spreadsheets/d/{task.spec.source.spreadsheet_id}/edit#gid=0"
    assert context.pushed == {"google_sheet_link": url}
    assert context.events == [
        ("snowflake://snowflake_default/marketplace/sales/t", {"rows_changed": 1, "run_id": "first"})
    ]
    again = Context("first")
    assert task.execute(again)["outcome"] == "unchanged"  # type: ignore[arg-type]
    assert again.events == []
    assert kept_rejects("first") == [("small", 3, "B3", "bad_cell", "x")]


def test_a_second_try_makes_the_event_that_the_first_may_have_died_before(task: SheetsToSnowflakeOperator) -> None:
    task.execute(Context("died"))  # type: ignore[arg-type]
    context = Context("died", try_number=2)
    assert task.execute(context)["outcome"] == "unchanged"  # type: ignore[arg-type]
    assert [extra for _, extra in context.events] == [{"rows_changed": 0, "run_id": "died"}]


def test_a_dry_run_shows_the_rows_and_leaves_no_trace(task: SheetsToSnowflakeOperator) -> None:
    context = Context("dry", dry_run=True)
    summary = task.execute(context)  # type: ignore[arg-type]
    assert summary["outcome"] == "planned"
    assert list(summary["preview"]) == [{"row": 2, "values": {"CODE": "a", "N": "1"}}]
    assert context.events == []
    assert kept_rejects("dry") == []


def test_what_no_retry_can_mend_fails_the_task_for_good(task: SheetsToSnowflakeOperator) -> None:
    spec = task.spec.model_copy(update={"source": task.spec.source.model_copy(update={"tab": "Gone"})})
    with pytest.raises(AirflowFailException, match="has no tab 'Gone', only 'Sheet1'"):
        SheetsToSnowflakeOperator(task_id="small", spec=spec).execute(Context())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("context", "why"),
    [
        (Context(loads=["other"]), "not among the run's loads"),
        (Context(run_type="scheduled"), None),
    ],
)
def test_a_run_for_others_is_skipped(task: SheetsToSnowflakeOperator, context: Context, why: str | None) -> None:
    if why is None:
        context["dag_run"].run_after = NOON + dt.timedelta(minutes=15)
    with pytest.raises(AirflowSkipException, match=why or "not due at"):
        task.execute(context)  # type: ignore[arg-type]


def test_lineage_is_the_tab_in_and_the_table_out() -> None:
    task = SheetsToSnowflakeOperator(task_id="small", spec=load_spec())
    lineage = task.get_openlineage_facets_on_complete(None)
    assert [(d.namespace, d.name) for d in lineage.inputs] == [(f"googlesheets://{'1' * 44}", "Data")]
    assert [(d.namespace, d.name) for d in lineage.outputs] == [
        ("snowflake://snowflake_default", "MARKETPLACE.SALES.T")
    ]
    assert [asset.uri for asset in task.inlets] == [f"googlesheets://{'1' * 44}/small"]
    assert [alias.name for alias in task.outlets] == ["load:small"]


def test_each_team_has_one_dag_with_one_task_a_load() -> None:
    spec = importlib.util.spec_from_file_location("sheets_load", DAGS / "sheets_load.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    dags = {name: dag for name, dag in vars(module).items() if name.startswith("sheets_load_")}
    assert {name: sorted(dag.task_ids) for name, dag in dags.items()} == {
        "sheets_load_pricing": ["price_overrides"],
        "sheets_load_retail": ["dealer_targets"],
    }
    assert all("sheet-load" in dag.tags for dag in dags.values())
