"""Sheet syncs: look at them, plan, run and draft them without Airflow's UI."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from commands import sheets_import, sheets_plan
from commands.sheets_options import AT, INCLUDE, NAMES, chosen, moment
from drivetrain.errors import FatalError
from drivetrain.sheets import a1
from drivetrain.sheets.capacity import ENOUGH_ACCOUNTS, check_capacity, main_zone
from drivetrain.sheets.catalog import load_syncs
from drivetrain.sheets.load_catalog import load_loads
from drivetrain.sheets.projection import query_problems
from drivetrain.sheets.schedule import bind, run_window
from drivetrain.sheets.verify import differences

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from drivetrain.sheets.catalog import Sync

app = typer.Typer(no_args_is_help=True, help=__doc__)
app.command("plan")(sheets_plan.plan)
app.command("apply")(sheets_plan.apply)
app.command("import")(sheets_import.import_tab)
ACCOUNTS = typer.Option(
    ENOUGH_ACCOUNTS,
    min=1,
    help="Service accounts of the connection; the default is as many as can use up a project's quota.",
)
DAY = typer.Option(None, help="The day whose schedules are counted, as 2026-01-31; today if not given.")


@app.command()
def lint(include: Path = INCLUDE, accounts: int = ACCOUNTS, day: str | None = DAY) -> None:
    """Read every spec and query, and hold a day's calls against Google's quota.

    The first file that is wrong is the exit. Busy minutes are a warning; a sync that would miss its freshness however
    well the quota is used is an error.
    """
    syncs = load_syncs(include)
    workbooks = {sync.spec.target.spreadsheet_id for sync in syncs}
    loads = load_loads(include)
    problems = [(sync.path, problem) for sync in syncs for problem in query_problems(sync.spec, sync.sql)]
    for path, problem in problems:
        typer.secho(f"{path}: {problem}", fg=typer.colors.RED)
    if problems:
        raise FatalError(f"{len(problems)} problems between specs and their queries")
    typer.echo(f"{len(syncs)} syncs in {len(workbooks)} workbooks and {len(loads)} loads are well-formed")
    _lint_capacity(syncs, accounts, day)


def _lint_capacity(syncs: Sequence[Sync], accounts: int, day: str | None) -> None:
    found = check_capacity(syncs, _day(day, main_zone(syncs)), accounts=accounts)
    typer.echo(found.summary)
    for line in found.warnings:
        typer.secho(f"warning: {line}", fg=typer.colors.YELLOW)
    for late in found.late:
        typer.secho(late.message, fg=typer.colors.RED)
    if found.late:
        raise FatalError(f"{len(found.late)} syncs would miss their freshness however well the quota is used")


@app.command()
def verify(names: list[str] | None = NAMES, include: Path = INCLUDE, at: str | None = AT) -> None:
    """Compare each tab, cell for cell and by type, with what its query returns now."""
    when = moment(at)
    wrong = 0
    for sync in chosen(include, names):
        found = _verify(sync, when)
        wrong += bool(found)
        status = typer.style("differs", fg=typer.colors.RED) if found else typer.style("equal", fg=typer.colors.GREEN)
        typer.echo(f"{sync.spec.sync:<40} {sync.spec.mode.value:<8} {status}")
        for line in found:
            typer.echo(f"    {line}")
    if wrong:
        raise FatalError(f"{wrong} tabs differ from their queries")


def _day(text: str | None, zone: str) -> dt.date:
    if text is None:
        return dt.datetime.now(ZoneInfo(zone)).date()
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise FatalError(f"--day: {text!r} is no date, write it as 2026-01-31") from None


def _verify(sync: Sync, at: dt.datetime) -> list[str]:
    """Read the tab through gspread itself, the query through the driver's plain cursor."""
    from gspread.exceptions import WorksheetNotFound

    from hooks.google_sheets import GoogleSheetsHook

    spec = sync.spec
    client = GoogleSheetsHook(spec.target.connection).gspread_client(spec.target.spreadsheet_id)
    try:
        tab = client.open_by_key(spec.target.spreadsheet_id).worksheet(spec.target.tab)
    except WorksheetNotFound:
        return [f"workbook {spec.target.spreadsheet_id} has no tab {spec.target.tab!r}: run the sync first"]
    row, column = a1.parse_cell(spec.target.anchor)
    last = a1.cell(tab.row_count - 1, column + len(spec.columns) - 1)
    values: list[list[Any]] = tab.get(
        f"{a1.cell(row, column)}:{last}",
        value_render_option="UNFORMATTED_VALUE",
        date_time_render_option="SERIAL_NUMBER",
    )
    header, cells = (values[0], values[1:]) if values else ([], [])
    return differences(spec, header, cells, _query(sync, at))


def _query(sync: Sync, at: dt.datetime) -> list[tuple[Any, ...]]:
    from contextlib import closing

    from hooks.snowflake import ArrowSnowflakeHook

    spec = sync.spec
    parameters = bind(spec.source.parameters, run_window(spec.schedule, spec.freshness_objective, at))
    with closing(ArrowSnowflakeHook(spec.source.connection).get_conn()) as connection:
        cursor = connection.cursor()
        cursor.execute(sync.sql, parameters or None)
        names = [description.name for description in cursor.description]
        places = [names.index(column.name) for column in spec.columns]
        return [tuple(row[i] for i in places) for row in cursor.fetchall()]
