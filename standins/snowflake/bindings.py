"""Bound parameters as the connector sends them (qmark style), as Python values for DuckDB.

Every value is text: FIXED and REAL as decimals, DATE in milliseconds, TIME and TIMESTAMP_* in nanoseconds since the
epoch, TIMESTAMP_TZ followed by the offset in minutes plus 1440.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

_EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - TIMESTAMP_NTZ has no zone


def to_python(bindings: dict[str, dict[str, Any]]) -> list[tuple[Any, ...]] | list[dict[str, Any]]:
    """One entry a row to execute: several only for an array binding (``executemany`` of an INSERT).

    Raises:
        ValueError: a value does not fit its type.
    """
    if not all(key.isdigit() for key in bindings):
        return [{name: _value(bound["type"], bound["value"]) for name, bound in bindings.items()}]
    ordered = [bindings[str(position)] for position in range(1, len(bindings) + 1)]
    if any(isinstance(bound["value"], list) for bound in ordered):
        columns = [[_value(bound["type"], value) for value in bound["value"]] for bound in ordered]
        return list(zip(*columns, strict=True))
    return [tuple(_value(bound["type"], bound["value"]) for bound in ordered)]


def _value(kind: str, text: str | None) -> Any:
    if text is None:
        return None
    if kind == "FIXED":
        number = Decimal(text)
        return int(number) if number == number.to_integral_value() and "." not in text else number
    if kind == "REAL":
        return float(text)
    if kind == "BOOLEAN":
        return text.lower() == "true"
    if kind == "BINARY":
        return bytes.fromhex(text)
    if kind == "DATE":
        return (_EPOCH + datetime.timedelta(milliseconds=int(text))).date()
    if kind == "TIME":
        return (_EPOCH + _nanoseconds(text)).time()
    if kind == "TIMESTAMP_NTZ":
        return _EPOCH + _nanoseconds(text)
    if kind in ("TIMESTAMP_LTZ", "TIMESTAMP_TZ"):
        nanoseconds, _, offset = text.partition(" ")
        instant = (_EPOCH + _nanoseconds(nanoseconds)).replace(tzinfo=datetime.UTC)
        minutes = int(offset or 1440) - 1440
        return instant.astimezone(datetime.timezone(datetime.timedelta(minutes=minutes)))
    return text


def _nanoseconds(text: str) -> datetime.timedelta:
    return datetime.timedelta(microseconds=int(text) // 1000)
