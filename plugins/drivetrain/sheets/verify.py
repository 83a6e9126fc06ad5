"""A tab against its query, cell for cell and by type: the check that a sync told the truth."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from drivetrain.sheets.cells import canonical
from drivetrain.sheets.decode import BadCellError, decode
from drivetrain.sheets.spec import Column, ColumnType, Mode, SheetSyncSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DIFFERENCES = 20
_ALL_DIGITS = Context(prec=100)  # Decimal's own default rounds to 28


def differences(
    spec: SheetSyncSpec, header: Sequence[object], cells: Sequence[Sequence[object]], rows: Sequence[Sequence[Any]]
) -> list[str]:
    """Where a tab and its query differ, one line each, at most MAX_DIFFERENCES; none: they are equal.

    Args:
        spec: the sync; its drift policy must not have added or dropped columns.
        header: the tab's header row.
        cells: the tab's data rows as the API gives them, unformatted.
        rows: the query's rows as Python values, columns in the spec's order, as the driver's plain cursor gives
            them: another way than the Arrow batches that the sync itself read.
    """
    titles = [column.title for column in spec.columns]
    found = [str(cell) for cell in header]
    if found != titles:
        return [f"header: {found} instead of {titles}"]
    width = len(titles)
    tab = [_decoded([*row[:width], *[None] * (width - len(row))], spec.columns) for row in cells]
    source = [tuple(_plain(value, column) for value, column in zip(row, spec.columns, strict=True)) for row in rows]
    if spec.mode is Mode.REPLACE or not spec.keys:
        return _in_order(spec, tab, source)
    return _by_key(spec, tab, source)


def _in_order(spec: SheetSyncSpec, tab: list[tuple[Any, ...]], source: list[tuple[Any, ...]]) -> list[str]:
    if spec.mode is Mode.APPEND:
        tab = tab[-len(source) :] if source else []
    problems = [] if len(tab) == len(source) else [f"{len(tab)} rows instead of {len(source)}"]
    for number, (is_, should) in enumerate(zip(tab, source, strict=False), 1):
        problems += _row(spec, f"row {number}", is_, should)
        if len(problems) >= MAX_DIFFERENCES:
            break
    return problems[:MAX_DIFFERENCES]


def _by_key(spec: SheetSyncSpec, tab: list[tuple[Any, ...]], source: list[tuple[Any, ...]]) -> list[str]:
    at = [[column.name for column in spec.columns].index(key) for key in spec.keys]
    there = {tuple(row[i] for i in at): row for row in tab}
    wanted = {tuple(row[i] for i in at): row for row in source}
    problems = [f"key {key}: missing" for key in wanted if key not in there]
    if spec.mode is Mode.MIRROR:
        problems += [f"key {key}: should be gone" for key in there if key not in wanted]
        if len(tab) != len(there):
            problems.append(f"{len(tab)} rows for {len(there)} keys")
    for key, should in wanted.items():
        if len(problems) >= MAX_DIFFERENCES:
            break
        if key in there:
            problems += _row(spec, f"key {key}", there[key], should)
    return problems[:MAX_DIFFERENCES]


def _row(spec: SheetSyncSpec, name: str, is_: tuple[Any, ...], should: tuple[Any, ...]) -> list[str]:
    return [
        f"{name}, {column.name}: {a!r:.80} instead of {b!r:.80}"
        for column, a, b in zip(spec.columns, is_, should, strict=True)
        if a != b or type(a) is not type(b)
    ]


def _decoded(row: Sequence[object], columns: Sequence[Column]) -> tuple[Any, ...]:
    values = []
    for cell, column in zip(row, columns, strict=True):
        try:
            value = decode(canonical(cell), column)
            is_json = column.type is ColumnType.VARIANT and value is not None
            values.append(_json(value) if is_json else _plain(value, column))
        except BadCellError as error:
            values.append(f"unreadable: {error}")
    return tuple(values)


def _plain(value: Any, column: Column) -> Any:
    """One spelling for values that mean the same, so that == and type tell the rest."""
    if value is None or (isinstance(value, str | bytes | bytearray) and not value):
        return None  # an empty cell holds either
    match column.type:
        case ColumnType.DECIMAL:
            return Decimal(value).normalize(_ALL_DIGITS)
        case ColumnType.INTEGER:
            return int(value)
        case ColumnType.FLOAT:
            return "NaN" if math.isnan(value) else float(value)
        case ColumnType.TIMESTAMP_TZ if isinstance(value, dt.datetime):
            return value.astimezone(dt.UTC)
        case ColumnType.VARIANT:
            return _json(json.loads(value, parse_float=Decimal))
        case ColumnType.BINARY:
            return bytes(value)
        case ColumnType.TEXT:
            return str(value)
        case _:
            return value


def _json(parsed: Any) -> str:
    return json.dumps(parsed, sort_keys=True, default=str)
