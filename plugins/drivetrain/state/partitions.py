"""Months of a partitioned table: made before a row needs one, dropped when nobody does."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

_LOCK = 7_241_554  # two processes that make the same month wait for each other


def ensure_months(connection: Connection, table: str, times: Iterable[dt.datetime]) -> None:
    """Make the months that these times are in."""
    months = {_month(at) for at in times}
    there = set(_existing(connection, table))
    missing = sorted(month for month in months if _name(table, month) not in there)
    if not missing:
        return
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    for month in missing:
        # Names and dates are our own: DDL takes no parameters.
        connection.execute(
            sa.text(
                f"CREATE TABLE IF NOT EXISTS {_name(table, month)} PARTITION OF {table} "
                f"FOR VALUES FROM ('{month.isoformat()}') TO ('{_next(month).isoformat()}')"
            )
        )


def months_before(connection: Connection, table: str, *, before: dt.datetime) -> list[str]:
    """The partitions whose months ended before."""
    found = (re.fullmatch(rf"{table}_(\d{{4}})_(\d\d)", name) for name in _existing(connection, table))
    return [
        month[0]
        for month in found
        if month and _next(dt.datetime(int(month[1]), int(month[2]), 1, tzinfo=dt.UTC)) <= before
    ]


def drop_months(connection: Connection, table: str, *, before: dt.datetime) -> int:
    """Drop the months that ended before; returns how many."""
    names = months_before(connection, table, before=before)
    for name in names:
        drop_month(connection, name)
    return len(names)


def drop_month(connection: Connection, name: str) -> None:
    """Drop one of months_before; no error where it is gone already."""
    connection.execute(sa.text(f"DROP TABLE IF EXISTS {name}"))


def _existing(connection: Connection, table: str) -> list[str]:
    rows = connection.execute(
        sa.text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = to_regclass(:table) ORDER BY 1"
        ),
        {"table": table},
    )
    return [row[0] for row in rows]


def _month(at: dt.datetime) -> dt.datetime:
    return at.astimezone(dt.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _next(month: dt.datetime) -> dt.datetime:
    return (month + dt.timedelta(days=32)).replace(day=1)


def _name(table: str, month: dt.datetime) -> str:
    return f"{table}_{month:%Y_%m}"
