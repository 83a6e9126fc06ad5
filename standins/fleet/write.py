"""A fleet as files: what teams would have in their repository, and what the local servers need."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from standins.fleet.schedules import ZONE
from standins.fleet.tables import statements

if TYPE_CHECKING:
    from standins.fleet.columns import Template
    from standins.fleet.fleet import Fleet, Sync

TABLES, WORKBOOKS = "fleet.sql", "workbooks.yaml"
_PLAIN = re.compile(r"[A-Za-z][\w./@-]*( [\w./()]+)*|[0-9]+[mhd]", re.ASCII)
_NOT_TEXT = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def write_fleet(fleet: Fleet, folder: Path) -> int:
    """Write include/specs/sheets/<team>/, include/sql/fleet/, fleet.sql and workbooks.yaml below a new folder.

    fleet.sql holds the statements that make the tables, with ";" and a line end between them; workbooks.yaml is a list
    of the form of standins/warehouse/workbooks.yaml.

    Returns:
        How many files.

    Raises:
        FileExistsError: the folder has something in it: specs of another fleet would stay between the new ones.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: name a new folder, or remove it first")
    files = {TABLES: ";\n".join(statements(fleet.tables)) + ";\n", WORKBOOKS: _workbooks(fleet)}
    for sync in fleet.syncs:
        files[f"include/specs/sheets/{sync.team}/{sync.name}.yaml"] = spec_text(sync)
        if sync.query.name:
            files[f"include/sql/fleet/{sync.query.name}.sql"] = sync.query.text
    for parent in sorted({(folder / name).parent for name in files}):
        parent.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return len(files)


def spec_text(sync: Sync) -> str:
    """The YAML of a sync's spec, written as a person would: keys that are at their default are left out."""
    due = {"cron": sync.schedule.cron, "timezone": ZONE}
    top: list[tuple[str, object]] = [
        ("sync", sync.name),
        ("description", sync.description),
        ("team", sync.team),
        ("owner", f"{sync.team}-bi@drivetrain.example"),
        ("schedule", due),
        ("freshness", sync.schedule.freshness),
    ]
    usual = {"catch_up": "latest", "priority": "normal", "attempts": 5}
    top += [(key, getattr(sync, key)) for key, default in usual.items() if getattr(sync, key) != default]
    lines = [f"{key}: {_value(value)}" for key, value in top]
    lines.append("source:")
    if sync.query.name:
        lines.append(f"  sql: fleet/{sync.query.name}.sql")
    else:
        lines += ["  query: |", *(f"    {line}" for line in sync.query.text.splitlines())]
    if sync.query.parameters:
        lines.append(f"  parameters: {_value(sync.query.parameters)}")
    lines += ["target:", f"  spreadsheet_id: {sync.workbook.spreadsheet_id}", f"  tab: {_value(sync.tab)}"]
    if sync.anchor != "A1":
        lines.append(f"  anchor: {sync.anchor}")
    lines.append(f"mode: {sync.mode}")
    if sync.keys:
        lines.append(f"keys: [{', '.join(sync.keys)}]")
    lines += ["columns:", *(f"  - {_value(_column(column))}" for column in sync.query.columns)]
    guards = {"max_delete_share": sync.max_delete_share, "row_limit": sync.row_limit}
    if given := {key: value for key, value in guards.items() if value is not None}:
        lines.append(f"guards: {_value(given)}")
    return "\n".join(lines) + "\n"


def _column(column: Template) -> dict[str, object]:
    header = column.header or column.name.replace("_", " ").capitalize()
    more = {"scale": column.scale, "format": column.format or None, "timezone": column.timezone or None}
    given = {key: value for key, value in more.items() if value is not None}
    return {"name": column.name, "header": header, "type": column.kind, **given}


def _workbooks(fleet: Fleet) -> str:
    lines = [f'  - {{id: {book.spreadsheet_id}, title: "{book.title}"}}' for book in fleet.workbooks]
    head = "# The workbooks that the fleet's syncs write to: the Sheets stand-in is told to create them."
    return "\n".join([head, "workbooks:", *lines]) + "\n"


def _value(value: object) -> str:
    """A value on one line; a text without quotes where YAML would not take it for anything else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT:
        return value
    return json.dumps(value, ensure_ascii=False)  # JSON's texts and numbers are YAML's too
