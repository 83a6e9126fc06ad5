"""Every sheet spec against the loaded warehouse: its query runs and gives the columns, types and keys it declares."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from snowflake.connector.constants import FIELD_ID_TO_NAME

from .conftest import MARKET

_INCLUDE = Path(__file__).resolve().parents[3] / "include"
_SPECS = sorted((_INCLUDE / "specs" / "sheets").glob("*.yaml"))
_DAY_ENDS = datetime.datetime.combine(MARKET.as_of, datetime.time(18, 30), datetime.UTC)
_VALUES = {
    "run_date": MARKET.as_of,
    "interval_start": _DAY_ENDS - datetime.timedelta(days=3),
    "interval_end": _DAY_ENDS,
}
_KINDS = {
    "text": {"TEXT"},
    "integer": {"FIXED"},
    "decimal": {"FIXED"},
    "float": {"REAL"},
    "boolean": {"BOOLEAN"},
    "date": {"DATE"},
    "time": {"TIME"},
    "timestamp": {"TIMESTAMP_NTZ"},
    "timestamp_tz": {"TIMESTAMP_TZ", "TIMESTAMP_LTZ"},
    "variant": {"VARIANT"},
    "binary": {"BINARY"},
}


def _load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", _SPECS, ids=lambda path: path.stem)
def test_the_query_gives_what_the_spec_declares(connection: Any, path: Path) -> None:
    spec = _load(path)
    source = spec["source"]
    sql = source.get("query") or (_INCLUDE / "sql" / source["sql"]).read_text(encoding="utf-8")
    given = source.get("parameters") or {}
    parameters = {name: _VALUES[value["from"]] if isinstance(value, dict) else value for name, value in given.items()}

    cursor = connection.cursor().execute(sql, parameters or None)
    rows = cursor.fetchall()

    columns = spec["columns"]
    assert [column.name for column in cursor.description] == [column["name"] for column in columns]
    for got, column in zip(cursor.description, columns, strict=True):
        assert FIELD_ID_TO_NAME[got.type_code] in _KINDS[column["type"]], column["name"]
        if column["type"] in ("integer", "decimal"):
            assert got.scale == column.get("scale", 0), column["name"]
    assert rows
    names = [column["name"] for column in columns]
    keys = [tuple(row[names.index(key)] for key in spec.get("keys", [])) for row in rows]
    assert not spec.get("keys") or (len(set(keys)) == len(keys) and keys == sorted(keys))


def test_the_specs_cover_modes_teams_types_and_known_workbooks() -> None:
    specs = [_load(path) for path in _SPECS]
    text = (_INCLUDE.parent / "standins" / "warehouse" / "workbooks.yaml").read_text(encoding="utf-8")
    workbooks = {workbook["id"] for workbook in yaml.safe_load(text)["workbooks"]}
    assert {spec["sync"] for spec in specs} == {path.stem for path in _SPECS}
    assert {spec["mode"] for spec in specs} == {"replace", "append", "upsert", "mirror"}
    assert {spec["team"] for spec in specs} == {"retail", "pricing", "inspection", "lending", "growth"}
    assert {column["type"] for spec in specs for column in spec["columns"]} == set(_KINDS)
    assert {spec["target"]["spreadsheet_id"] for spec in specs} == workbooks
    assert all(len(identifier) == 44 for identifier in workbooks)
    places = [(spec["target"]["spreadsheet_id"], spec["target"]["tab"]) for spec in specs]
    assert len(set(places)) == len(places)
