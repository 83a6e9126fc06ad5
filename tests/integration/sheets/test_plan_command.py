"""plan, apply and import over the real stand-ins: a tab made by a sync, imported, and found unchanged."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from commands import sheets_plan
from commands.main import app
from drivetrain.errors import FatalError
from drivetrain.sheets.catalog import load_syncs
from drivetrain.sheets.registry import spec_hash
from hooks.state import StateHook
from tests.support.operators import connected_servers, kept_rejects
from tests.support.sheets import open_workbook, tab_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standins.sheets.testing import SheetsStandin
    from standins.snowflake.testing import SnowflakeStandin

CARS = """
CREATE TABLE MARKETPLACE.SALES.CARS AS SELECT * FROM (VALUES
  ('007', 'Swift', 7, '2026-01-31'::DATE), ('008', 'Baleno', 8, '2026-02-01'::DATE), ('009', NULL, 9, NULL)
) AS T (CODE, NAME, SCORE, LISTED_ON)"""
# One column of each type that a tab can tell, with what a cell can't hold as a number.
TYPES = """
CREATE TABLE MARKETPLACE.SALES.TYPED AS SELECT
  '00' || ID AS CODE, ID::NUMBER(20, 0) AS WHOLE, (ID * 1.25)::NUMBER(12, 2) AS PRICE, (ID / 3.0)::FLOAT AS RATIO,
  ID = 1 AS IS_NEW, DATEADD(day, ID, '2026-01-30'::DATE) AS DAY_ON, TIMEADD(minute, ID, '09:30:00'::TIME) AS AT_TIME,
  DATEADD(minute, ID, '2026-01-30 10:00:00'::TIMESTAMP_NTZ) AS SEEN_AT, ORDERS AS "ORDER",
  DATEADD(minute, ID, '2026-01-30 10:00:00 +00:00'::TIMESTAMP_TZ) AS HEARD_AT, OBJECT_CONSTRUCT('id', ID) AS EXTRAS
FROM (VALUES (1, 'a'), (2, NULL), (3, 'c')) AS T (ID, ORDERS)"""
TYPED_COLUMNS: list[dict[str, Any]] = [
    {"name": "CODE", "header": "Dealer code", "type": "text"},
    {"name": "WHOLE", "type": "integer", "format": "#,##0"},
    {"name": "PRICE", "header": "Price (₹)", "type": "decimal", "scale": 2},
    {"name": "RATIO", "type": "float"},
    {"name": "IS_NEW", "header": "isNew", "type": "boolean"},
    {"name": "DAY_ON", "header": "Day", "type": "date", "format": "dd mmm yyyy"},
    {"name": "AT_TIME", "type": "time"},
    {"name": "SEEN_AT", "type": "timestamp"},
    {"name": "ORDER", "type": "text"},
    {"name": "HEARD_AT", "type": "timestamp_tz"},
    {"name": "EXTRAS", "type": "variant"},
]


@pytest.fixture(scope="module", autouse=True)
def servers(sheets: SheetsStandin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnowflakeStandin]:
    statements = ("CREATE DATABASE MARKETPLACE", "CREATE SCHEMA MARKETPLACE.SALES", CARS, TYPES)
    with connected_servers(sheets, tmp_path_factory.mktemp("state"), *statements) as snowflake:
        yield snowflake


def write(include: Path, name: str, workbook: str, **changes: Any) -> None:
    spec: dict[str, Any] = {
        "sync": name,
        "description": f"What {name} shows.",
        "team": "bi_ops",
        "owner": "bi@example.com",
        "source": {"query": "SELECT CODE, NAME, SCORE, LISTED_ON FROM MARKETPLACE.SALES.CARS ORDER BY CODE"},
        "target": {"spreadsheet_id": workbook, "tab": name},
        "mode": "replace",
        "columns": [
            {"name": "CODE", "type": "text"},
            {"name": "NAME", "type": "text"},
            {"name": "SCORE", "type": "integer"},
            {"name": "LISTED_ON", "header": "Listed", "type": "date"},
        ],
    }
    path = include / "specs" / "sheets" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(spec | changes, sort_keys=False))


def run(include: Path, *arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, ["sheets", *arguments, "--include", str(include)], input=answer)


def writes(sheets: SheetsStandin) -> int:
    return sum(call["kind"] == "write" for call in sheets.calls())


def test_a_plan_shows_each_change_by_its_type_and_writes_nothing(
    sheets: SheetsStandin, workbook: str, tmp_path: Path
) -> None:
    write(tmp_path, "cars", workbook, mode="mirror", keys=["CODE"])
    write(tmp_path, "wrong", workbook, source={"query": "SELECT * FROM MARKETPLACE.SALES.NO_SUCH_TABLE"})
    before = writes(sheets)
    result = run(tmp_path, "plan")
    assert (result.exit_code, writes(sheets)) == (1, before)
    lines = result.output.splitlines()
    assert lines[0] == f"+ cars  cars in {workbook_title(sheets, workbook)}  mirror  new tab"
    assert lines[1].startswith("    rows  + 3 added  ~ 0 changed  - 0 deleted   10 cells, 1 write call (1.7% of an acc")
    assert lines[2] == "    columns  + CODE (text), NAME (text), SCORE (integer), Listed (date)"
    assert lines[3] == '    + row 2  CODE "007", NAME "Swift", SCORE 7, Listed 2026-01-31'
    assert lines[5] == '    + row 4  CODE "009", SCORE 9'
    assert lines[6].startswith("! wrong  sync wrong: Snowflake refuses the query")
    assert lines[7:] == ["1 to write, 1 can't run"]
    assert "\x1b" not in result.output


def workbook_title(sheets: SheetsStandin, workbook: str) -> str:
    return str(open_workbook(sheets, workbook).title)


def test_an_apply_writes_what_the_plan_said_and_then_there_is_nothing_to_do(
    sheets: SheetsStandin, workbook: str, tmp_path: Path
) -> None:
    write(tmp_path, "cars", workbook, mode="mirror", keys=["CODE"])
    assert run(tmp_path, "plan", "cars", "--detailed-exitcode").exit_code == 2
    refused = run(tmp_path, "apply")
    assert str(refused.exception).startswith("apply: there is no terminal to ask at: give --yes")
    result = run(tmp_path, "apply", "--yes")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == "1 written"
    tab = open_workbook(sheets, workbook).worksheet("cars")
    tab.update([["Nexon"]], "B3", raw=True)
    tab.update([["Rating"]], "C1", raw=True)
    drifted = run(tmp_path, "plan")
    assert "! cars  sync cars: header C1 of tab 'cars' says 'Rating'" in drifted.output
    tab.update([["SCORE"]], "C1", raw=True)
    tab.append_row(["gone", "Alto", 1, 46053], value_input_option="RAW")  # type: ignore[arg-type]
    lines = run(tmp_path, "plan").output.splitlines()
    assert lines[1].endswith("2 rows edited by people")
    assert lines[2:] == ['    ~ row 3  NAME "Nexon" -> "Baleno"', "    - row 5", "1 to write"]
    assert run(tmp_path, "apply", "--yes", "--json").exit_code == 0
    before = writes(sheets)
    result = run(tmp_path, "plan", "--detailed-exitcode")
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == "1 unchanged"
    assert run(tmp_path, "apply", "--yes").output.splitlines()[-1] == "1 unchanged"
    assert writes(sheets) == before
    remembered = StateHook().memory.load(["cars"])["cars"]
    assert remembered.result_digest, "what an apply wrote, a worker may rely on"
    (sync,) = load_syncs(tmp_path)
    assert (remembered.spec_hash, remembered.rows) == (spec_hash(sync), 3)


def test_nothing_is_written_unless_somebody_says_yes(
    sheets: SheetsStandin, workbook: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets_plan, "_is_terminal", lambda: True)
    write(tmp_path, "cars", workbook)
    before = writes(sheets)
    refused = run(tmp_path, "apply", answer="n\n")
    assert "Write cars?" in refused.output
    assert isinstance(refused.exception, FatalError)
    assert writes(sheets) == before
    assert run(tmp_path, "apply", answer="y\n").exit_code == 0
    assert len(tab_values(sheets, workbook, "cars")) == 4


def test_an_append_of_one_run_is_made_once_and_keeps_its_rejects(
    sheets: SheetsStandin, workbook: str, tmp_path: Path
) -> None:
    query = "SELECT CODE, NAME, SCORE, LISTED_ON FROM MARKETPLACE.SALES.CARS UNION ALL SELECT NULL, 'x', 1, NULL"
    write(tmp_path, "cars", workbook, mode="append", keys=["CODE"], source={"query": query})
    write(tmp_path, "log", workbook, mode="append")
    run_id = f"try-{workbook}"
    assert run(tmp_path, "apply", "--yes", "--run-id", run_id).exit_code == 0
    assert [row[3] for row in kept_rejects(run_id)] == ["null_key"]
    again = run(tmp_path, "apply", "--yes", "--run-id", run_id)
    assert again.output.splitlines()[-1] == "2 already applied"
    assert len(tab_values(sheets, workbook, "log")) == 4


def test_the_json_is_one_document_with_what_a_task_returns(workbook: str, tmp_path: Path) -> None:
    write(tmp_path, "cars", workbook)
    write(tmp_path, "lost", workbook, source={"query": "SELECT 1 AS CODE", "connection": "no_such_connection"})
    result = run(tmp_path, "plan", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["summary"]) == (1, {"planned": 1, "failed": 1})
    cars, lost = document["syncs"]
    assert (cars["rows_added"], cars["preview"][0]["cells"]["CODE"]) == (3, {"old": None, "new": "007"})
    assert cars["url"].endswith(f"/spreadsheets/d/{workbook}/edit")
    assert "no_such_connection" in lost["error"]
    assert "\n" not in lost["error"]


def test_a_workbook_that_is_not_there_fails_alone(workbook: str, tmp_path: Path) -> None:
    write(tmp_path, "cars", workbook)
    write(tmp_path, "none", "0" * 30)
    write(tmp_path, "other", "9" * 30, target={"spreadsheet_id": "9" * 30, "tab": "x", "connection": "nowhere"})
    result = run(tmp_path, "plan")
    assert "! none  workbook 000000000000000000000000000000: there is none" in result.output
    assert "! other  The conn_id `nowhere` isn't defined: add the connection" in result.output
    assert result.output.splitlines()[-1] == "1 to write, 2 can't run"


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"port": 1}, "port 1 failed: Connection refused"), ({"schema": "template1"}, "by `drivetrain state migrate`")],
)
def test_an_apply_without_the_state_s_tables_writes_nothing(
    sheets: SheetsStandin,
    workbook: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    said: str,
) -> None:
    name = "AIRFLOW_CONN_DRIVETRAIN_STATE"
    monkeypatch.setenv(name, json.dumps(json.loads(os.environ[name]) | changes))
    write(tmp_path, "cars", workbook)
    before = writes(sheets)
    result = run(tmp_path, "apply", "--yes")
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("! ")]
    assert line.startswith("! cars  ")
    assert said in line
    assert writes(sheets) == before


def test_an_apply_has_the_workbook_to_itself(
    sheets: SheetsStandin, workbook: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StateHook.workbook.__wrapped__, "__kwdefaults__", {"patience_seconds": 0.1})
    write(tmp_path, "cars", workbook)
    before = writes(sheets)
    with StateHook().workbook(workbook):
        assert run(tmp_path, "plan").output.splitlines()[-1] == "1 to write", "a plan keeps nobody waiting"
        result = run(tmp_path, "apply", "--yes")
    assert f"! cars  workbook {workbook}: another run has had it" in result.output
    assert (result.exit_code, writes(sheets)) == (1, before)
    assert "another try of this run: --run-id apply__" in result.stderr


def test_changed_since_finds_specs_and_their_queries(workbook: str, tmp_path: Path) -> None:
    include = tmp_path / "include"
    for name in ("same", "spec_changed", "sql_changed"):
        source = {"sql": f"sheets/{name}.sql"}
        write(include, name, workbook, source=source)
        file = include / "sql" / source["sql"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("SELECT CODE, NAME, SCORE, LISTED_ON FROM MARKETPLACE.SALES.CARS ORDER BY CODE")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Start"]):
        subprocess.run([*git, *arguments], check=True)
    assert run(include, "plan", "--changed-since", "HEAD").output == "no syncs\n"
    write(include, "new", workbook)
    spec = include / "specs" / "sheets" / "spec_changed.yaml"
    spec.write_text(spec.read_text() + "freshness: 6h\n")
    query = include / "sql" / "sheets" / "sql_changed.sql"
    query.write_text(query.read_text() + " DESC")
    document = json.loads(run(include, "plan", "--changed-since", "HEAD", "--json").stdout)
    assert [one["sync"] for one in document["syncs"]] == ["new", "spec_changed", "sql_changed"]
    wrong = run(include, "plan", "--changed-since", "no-such-branch")
    assert str(wrong.exception).startswith("--changed-since: git knows no 'no-such-branch'")
    both = run(include, "plan", "same", "--changed-since", "HEAD")
    assert str(both.exception) == "--changed-since chooses the syncs itself: leave out same"


@pytest.fixture
def typed(workbook: str, tmp_path: Path) -> str:
    """A workbook with a tab that a sync of known types wrote."""
    columns = TYPED_COLUMNS
    query = "SELECT * FROM MARKETPLACE.SALES.TYPED ORDER BY CODE"
    target = {"spreadsheet_id": workbook, "tab": "Typed", "anchor": "B3"}
    write(tmp_path / "old", "typed", workbook, target=target, columns=columns, source={"query": query})
    result = run(tmp_path / "old", "apply", "--yes")
    assert result.exit_code == 0, result.output
    return workbook


def import_arguments(page: str, *arguments: str) -> list[str]:
    return ["import", page, *arguments, "--sync", "dealers", "--team", "bi_ops", "--owner", "bi@example.com"]


@pytest.mark.parametrize("keys", [(), ("--key", "Dealer code")])
def test_an_imported_tab_is_unchanged_by_the_sync_that_it_became(
    sheets: SheetsStandin, typed: str, tmp_path: Path, keys: tuple[str, ...]
) -> None:
    include, before = tmp_path / "include", writes(sheets)
    page = f"{sheets.url}/spreadsheets/d/{typed}/edit#gid={open_workbook(sheets, typed).worksheet('Typed').id}"
    table = ("--table", "MARKETPLACE.SALES.TYPED")
    result = run(include, *import_arguments(page, "--anchor", "B3", *keys, *table))
    assert result.exit_code == 0, (result.output, result.exception)
    (sync,) = load_syncs(include)
    expected = [
        ("DEALER_CODE", "text", None),
        ("WHOLE", "integer", None),
        ("PRICE", "decimal", 2),
        ("RATIO", "float", None),
        ("IS_NEW", "boolean", None),
        ("DAY", "date", None),
        ("AT_TIME", "time", None),
        ("SEEN_AT", "timestamp", None),
        ("ORDER", "text", None),
        ("HEARD_AT", "timestamp_tz", None),
        ("EXTRAS", "variant", None),
    ]
    assert [(c.name, c.type.value, c.scale) for c in sync.spec.columns] == expected
    assert [c.format for c in sync.spec.columns if c.format] == ["#,##0", "dd mmm yyyy"]
    assert (sync.spec.mode.value, sync.spec.keys) == (("upsert", ("DEALER_CODE",)) if keys else ("replace", ()))
    assert sync.sql.splitlines()[-2:] == ["FROM MARKETPLACE.SALES.TYPED", "ORDER BY DEALER_CODE"]
    # The table's own names differ from the headers in two columns, which the stub says to write AS.
    file = include / "sql" / "sheets" / "dealers.sql"
    text = (
        file.read_text().replace("    DEALER_CODE", "    CODE AS DEALER_CODE").replace("    DAY,", "    DAY_ON AS DAY,")
    )
    file.write_text(text)
    plan = run(include, "plan", "--detailed-exitcode")
    assert plan.exit_code == 0, plan.output
    assert plan.output.splitlines()[-1] == "1 unchanged"
    spec = include / "specs" / "sheets" / "dealers.yaml"
    spec.write_text(spec.read_text().replace("mode: upsert", "mode: mirror"))
    assert run(include, "plan", "--detailed-exitcode").exit_code == 0
    assert writes(sheets) == before


def test_what_cells_can_t_tell_is_said_by_the_plan(
    servers: SnowflakeStandin, sheets: SheetsStandin, workbook: str, tmp_path: Path
) -> None:
    """A FLOAT that has few digits looks like a decimal, an instant's wall clock like a timestamp."""
    tab = open_workbook(sheets, workbook).worksheet("Sheet1")
    tab.update([["Code", "Share"], ["007", 0.5], ["008", 0.25]], raw=True)
    result = run(tmp_path, *import_arguments(workbook, "Sheet1", "--table", "MARKETPLACE.SALES.TYPED"))
    assert result.exit_code == 0, (result.output, result.exception)
    query = "SELECT CODE, SCORE::FLOAT AS SHARE FROM MARKETPLACE.SALES.CARS"
    (tmp_path / "sql" / "sheets" / "dealers.sql").write_text(query)
    assert "# float, without scale, if the query gives FLOAT" in (tmp_path / "specs/sheets/dealers.yaml").read_text()
    assert "columns.SHARE: type decimal: the source gives double, declare type: float" in run(tmp_path, "plan").output


def test_a_tab_that_people_made_is_described_with_what_a_run_would_change(
    sheets: SheetsStandin, workbook: str, tmp_path: Path
) -> None:
    tab = open_workbook(sheets, workbook).worksheet("Sheet1")
    rows = [
        ["Code", "Mixed", "Sum", "Since", None, "Note"],
        ["007", 1, "=1+1", "2026-01-31"],
        ["008", "x", "=2+2", "2026-02-01"],
    ]
    tab.update(rows, raw=False, value_input_option="USER_ENTERED")  # type: ignore[arg-type]
    tab.update([["007"], ["008"]], "A2", raw=True)
    result = run(tmp_path, *import_arguments(workbook))
    assert result.exit_code == 0, (result.output, result.exception)
    (sync,) = load_syncs(tmp_path)
    assert [c.type.value for c in sync.spec.columns] == ["text", "text", "integer", "date"]
    text = (tmp_path / "specs" / "sheets" / "dealers.yaml").read_text()
    for note in (
        "# E1 has no header, so what stands from F1 on is left out.",
        "# keys: [CODE]  # no cell of it is empty and none is there twice: with it, mode: upsert or mirror",
        "# B2 is no text: kinds are mixed here, and a run writes all of them as texts",
        "# C2 holds a formula: a run writes the query's value over it",
    ):
        assert note in text, text
    assert "FROM YOUR_DATABASE.YOUR_SCHEMA.YOUR_TABLE" in sync.sql


def test_an_import_refuses_what_would_be_no_sync(sheets: SheetsStandin, typed: str, tmp_path: Path) -> None:
    def refused(*arguments: str) -> str:
        result = run(tmp_path / "include", *arguments)
        assert isinstance(result.exception, FatalError), result.output
        assert not list((tmp_path / "include").rglob("*.yaml"))
        assert not list((tmp_path / "include").rglob("*.sql"))
        return str(result.exception)

    assert "no tab Nothing; name one of Sheet1, Typed" in refused(*import_arguments(typed, "Nothing"))
    assert "no tab given" in refused(*import_arguments(typed))
    assert "has no header in A1" in refused(*import_arguments(typed, "Typed"))
    assert "ends before it" in refused(*import_arguments(typed, "Typed", "--anchor", "ZZ9"))
    unknown = refused(*import_arguments(typed, "Typed", "--anchor", "B3", "--key", "NO"))
    assert unknown.startswith("--key NO: tab 'Typed' has no such column; there are DEALER_CODE, WHOLE, PRICE, ")
    empty = refused(*import_arguments(typed, "Typed", "--anchor", "B3", "--key", "ORDER"))
    assert empty == "--key ORDER: row 5 has an empty cell: name more columns, or mend tab 'Typed'"
    assert "Airflow knows none" in refused(*import_arguments(typed, "Typed", "--connection", "nowhere"))
    nobody = [*import_arguments(typed, "Typed", "--anchor", "B3")[:-1], "nobody"]
    assert "dealers.yaml: owner: " in refused(*nobody)
    open_workbook(sheets, typed).worksheet("Sheet1").update([["a", "a"]])
    assert "has the header 'a' twice, in A1 and B1" in refused(*import_arguments(typed, "Sheet1"))


def test_an_import_overwrites_nothing(typed: str, tmp_path: Path) -> None:
    arguments = import_arguments(typed, "Typed", "--anchor", "B3")
    assert run(tmp_path, *arguments).exit_code == 0
    again = run(tmp_path, *arguments)
    assert "there is one already" in str(again.exception)
    other = [argument if argument != "dealers" else "twins" for argument in arguments]
    taken = run(tmp_path, *other)
    assert "dealers.yaml writes that tab too" in str(taken.exception)
    assert not list(tmp_path.rglob("twins*"))
