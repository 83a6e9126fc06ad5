"""The first draft of a sync's two files, for a tab that is already there. What was guessed is said in comments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from drivetrain.sheets.guess import Guess
    from drivetrain.sheets.spec import Column

PLACEHOLDER = "YOUR_DATABASE.YOUR_SCHEMA.YOUR_TABLE"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_ ()./@-]*[A-Za-z0-9_)]|[A-Za-z]")
# https://docs.snowflake.com/en/sql-reference/reserved-keywords: those that can't be a column's name without quotes.
_RESERVED_WORDS = """
    ALL ALTER AND ANY AS BETWEEN BY CASE CAST CHECK COLUMN CONNECT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE
    CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DELETE DISTINCT DROP ELSE EXISTS FALSE FOLLOWING FOR FROM FULL GRANT
    GROUP HAVING ILIKE IN INCREMENT INNER INSERT INTERSECT INTO IS JOIN LATERAL LEFT LIKE LOCALTIME LOCALTIMESTAMP
    MINUS NATURAL NOT NULL OF ON OR ORDER QUALIFY REGEXP REVOKE RIGHT RLIKE ROW ROWS SAMPLE SELECT SET SOME START
    TABLE TABLESAMPLE THEN TO TRIGGER TRUE TRY_CAST UNION UNIQUE UPDATE USING VALUES WHEN WHENEVER WHERE WITH
    """
_RESERVED = frozenset(_RESERVED_WORDS.split())


@dataclass(frozen=True)
class Draft:
    """What is known of a sync before anybody has written it.

    Attributes:
        workbook: the workbook's title.
        rows: the tab's data rows.
        suggested_keys: columns that could be the key, where none is given.
        order: (column, whether downwards) that the tab's rows are in, if a column tells.
        table: DATABASE.SCHEMA.TABLE of the query's stub.
        notes: what concerns the tab as a whole.
    """

    sync: str
    team: str
    owner: str
    connection: str
    spreadsheet_id: str
    workbook: str
    tab: str
    anchor: str
    rows: int
    columns: tuple[Guess, ...]
    keys: tuple[str, ...] = ()
    suggested_keys: tuple[str, ...] = ()
    order: tuple[str, bool] | None = None
    table: str | None = None
    notes: tuple[str, ...] = ()


def spec_text(draft: Draft) -> str:
    """The YAML file."""
    lines = [
        "# yaml-language-server: $schema=../../schemas/sheet_sync.schema.json",
        _comment(
            f"Written by `drivetrain sheets import` from {draft.rows:,} rows of a tab: check what the comments say"
        ),
        "# was guessed, then remove them. `drivetrain sheets plan` shows what a run would change.",
        *(_comment(note) for note in draft.notes),
        f"sync: {draft.sync}",
        f"description: {_scalar(_description(draft))}  # say what it shows, and to whom",
        f"team: {draft.team}",
        f"owner: {_scalar(draft.owner)}",
        '# schedule: {cron: "30 6 * * *", timezone: Asia/Kolkata}  # without one it runs when somebody asks',
        "source:",
        f"  sql: sheets/{draft.sync}.sql",
        "target:",
        f"  connection: {_scalar(draft.connection)}",
        f"  spreadsheet_id: {_scalar(draft.spreadsheet_id)}",
        f"  tab: {_scalar(draft.tab)}",
        *([f"  anchor: {draft.anchor}"] if draft.anchor != "A1" else []),
        *_mode(draft),
        "columns:",
    ]
    for guess in draft.columns:
        lines += [f"  {_comment(note)}" for note in guess.notes]
        lines.append(f"  - {_column(guess.column)}  {_comment(guess.seen)}")
    return "\n".join(lines) + "\n"


def _description(draft: Draft) -> str:
    return f"Tab {draft.tab} of workbook {draft.workbook[:300]}, as it was imported."


def _mode(draft: Draft) -> list[str]:
    if draft.keys:
        keys = ", ".join(draft.keys)
        return ["mode: upsert  # mirror also deletes the rows whose key the query no longer gives", f"keys: [{keys}]"]
    lines = ["mode: replace  # by position: the query has to give its rows in the tab's order"]
    lines += [
        f"# keys: [{key}]  # no cell of it is empty and none is there twice: with it, mode: upsert or mirror"
        for key in draft.suggested_keys
    ]
    return lines


def _column(column: Column) -> str:
    entries = [("name", column.name), ("header", column.header), ("type", column.type.value)]
    parts = [f"{key}: {_scalar(value)}" for key, value in entries if value is not None]
    if column.scale is not None:
        parts.append(f"scale: {column.scale}")
    if column.format is not None:
        parts.append(f"format: {_scalar(column.format)}")
    return "{" + ", ".join(parts) + "}"


def sql_text(draft: Draft) -> str:
    """The query's stub."""
    names = [f"    {_identifier(guess.column.name)}" for guess in draft.columns]
    head = ["-- The names are guessed from the tab's headers: write <the table's own> AS <name> where they differ."]
    if draft.table is None:
        head.append("-- No --table was given: put yours here.")
    ordered = [(key, False) for key in draft.keys] or ([draft.order] if draft.order else [])
    order = ", ".join(_identifier(name) + (" DESC" if is_down else "") for name, is_down in ordered)
    if not order:
        head.append(
            "-- No column alone gives the order of the tab's rows: add ORDER BY, mode replace goes by position."
        )
    tail = [f"FROM {draft.table or PLACEHOLDER}", *([f"ORDER BY {order}"] if order else [])]
    return "\n".join([*head, "SELECT", ",\n".join(names), *tail]) + "\n"


def _identifier(name: str) -> str:
    return f'"{name}"' if name in _RESERVED else name


def _comment(text: str) -> str:
    """One line, whatever people wrote into their tab."""
    return "# " + "".join(c if c.isprintable() else " " for c in text)


def _scalar(text: str) -> str:
    """A YAML string on one line, in quotes where it would be read as something else."""
    if _PLAIN.fullmatch(text) and isinstance(yaml.safe_load(text), str):
        return text
    quoted: str = yaml.dump(text, default_style='"', allow_unicode=True, width=float("inf"))
    return quoted.rstrip("\n")
