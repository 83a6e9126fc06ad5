"""`drivetrain sheets import`: the first draft of a sync for a tab that is already there."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from commands.logs import keep_stdout_clean
from commands.sheets_options import INCLUDE
from drivetrain.errors import FatalError, SpecError
from drivetrain.sheets import a1
from drivetrain.sheets.catalog import load_syncs
from drivetrain.sheets.draft import Draft, spec_text, sql_text
from drivetrain.sheets.guess import Found, Guess, guess_columns, guess_order, repeated, suggest_keys
from drivetrain.sheets.page import parse_page
from drivetrain.sheets.spec import SheetSyncSpec
from drivetrain.specs import load_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from commands.sheets_tab import TabRead

SPREADSHEET = typer.Argument(help="The address of the workbook's page, or the long part of it.")
TAB = typer.Argument(None, help="The tab's title; not needed where the address has a gid.")
SYNC = typer.Option(..., help="The new sync's name.")
TEAM = typer.Option(..., help="Its team.")
OWNER = typer.Option(..., help="Whom to write to.")
ANCHOR = typer.Option("A1", help="The cell of the first header.")
CONNECTION = typer.Option("google_sheets_default", help="The Airflow connection that reads the tab.")
KEY = typer.Option(None, help="A key column, by its header or its new name; several times for several.")
TABLE = typer.Option(None, metavar="DB.SCHEMA.TABLE", help="What the query's stub reads from.")
OUT = typer.Option(
    None, metavar="FILE", help="Where to write the spec; specs/sheets/NAME.yaml of --include if not given."
)
_TABLE = re.compile(r"[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*){2}")


def import_tab(
    spreadsheet: str = SPREADSHEET,
    tab: str | None = TAB,
    sync: str = SYNC,
    team: str = TEAM,
    owner: str = OWNER,
    anchor: str = ANCHOR,
    connection: str = CONNECTION,
    key: list[str] | None = KEY,
    table: str | None = TABLE,
    out: Path | None = OUT,
    include: Path = INCLUDE,
) -> None:
    """Draft a sync's spec and query for a tab that is already there, and write nothing to the tab.

    Columns, types and what could be a key are guessed from the cells and their formats; comments say from what.
    """
    page = parse_page(spreadsheet)
    spec_file = out or include / "specs" / "sheets" / f"{sync}.yaml"
    sql_file = include / "sql" / "sheets" / f"{sync}.sql"
    _check(spec_file, sql_file, sync, anchor, table)
    # What is wrong already should not look like this import's fault.
    load_syncs(include)

    # Airflow takes a second to import, which the other commands need not wait for.
    from commands.sheets_tab import read_tab

    keep_stdout_clean()
    read = read_tab(connection, page, tab, a1.cell(*a1.parse_cell(anchor)))
    guesses = guess_columns(read.columns, anchor=read.anchor)
    keys = _keys(read, guesses, key or [])
    draft = Draft(
        sync=sync,
        team=team,
        owner=owner,
        connection=connection,
        spreadsheet_id=page.spreadsheet_id,
        workbook=read.workbook,
        tab=read.title,
        anchor=read.anchor,
        rows=len(read.columns[0].cells),
        columns=guesses,
        keys=keys,
        suggested_keys=suggest_keys(read.columns, guesses),
        order=guess_order(read.columns, guesses),
        table=table,
        notes=read.notes,
    )
    _write(include, {spec_file: spec_text(draft), sql_file: sql_text(draft)}, spec_file)
    typer.echo(f"{spec_file}: {len(guesses)} columns, guessed from {draft.rows:,} rows of {read.title!r}")
    typer.echo(f"{sql_file}: " + ("a query of the table" if table else "a stub: put your table there"))
    typer.echo(f"then: drivetrain sheets plan {sync}")


def _check(spec_file: Path, sql_file: Path, sync: str, anchor: str, table: str | None) -> None:
    """What can be refused before anything is asked for."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,62}", sync):
        raise FatalError(f"--sync {sync}: write a name of a-z, 0-9 and _, a letter first")
    if spec_file.name != f"{sync}.yaml":
        raise FatalError(f"--out {spec_file}: a spec's file has the sync's name, call it {sync}.yaml")
    if table is not None and not _TABLE.fullmatch(table):
        raise FatalError(f"--table {table}: write it as DATABASE.SCHEMA.TABLE")
    try:
        a1.parse_cell(anchor)
    except ValueError as error:
        raise FatalError(f"--anchor: {error}") from None
    for file in (spec_file, sql_file):
        if file.exists():
            raise FatalError(
                f"{file}: there is one already, which is not overwritten: remove it, or choose another --sync"
            )


def _keys(read: TabRead, guesses: Sequence[Guess], given: Sequence[str]) -> tuple[str, ...]:
    """The key columns' names, once they have proved to be a key."""
    chosen: list[Found] = []
    names: list[str] = []
    for key in given:
        at = [i for i, g in enumerate(guesses) if key in (g.column.name, g.column.title)]
        if not at:
            there = ", ".join(guess.column.name for guess in guesses)
            raise FatalError(f"--key {key}: tab {read.title!r} has no such column; there are {there}")
        names.append(guesses[at[0]].column.name)
        chosen.append(read.columns[at[0]])
    if chosen and (rows := repeated(chosen)):
        first, second = (read.row_number(row) for row in rows)
        what = f"row {first} has an empty cell" if first == second else f"rows {first} and {second} have the same"
        raise FatalError(f"--key {', '.join(given)}: {what}: name more columns, or mend tab {read.title!r}")
    return tuple(names)


def _write(include: Path, files: dict[Path, str], spec_file: Path) -> None:
    """All files or none, and only if they are a sync that can be loaded beside the others."""
    written: list[Path] = []
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as stream:
                written.append(file)
                stream.write(text)
        load_spec(spec_file, SheetSyncSpec)
        load_syncs(include)
    except (OSError, SpecError) as error:
        for file in written:
            with suppress(OSError):
                file.unlink()
        if isinstance(error, SpecError):
            raise
        raise FatalError(f"{error.filename}: cannot be written: {error.strerror}") from None
