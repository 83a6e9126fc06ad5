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


def drop_months(connection: Connection, table: str, *, before: dt.datetime) -> int:
    """Drop the months that ended before; returns how many."""
    dropped = 0
    for name in _existing(connection, table):
        found = re.fullmatch(rf"{table}_(\d{{4}})_(\d\d)", name)
        if found and _next(dt.datetime(int(found[1]), int(found[2]), 1, tzinfo=dt.UTC)) <= before:
            connection.execute(sa.text(f"DROP TABLE {name}"))
            dropped += 1
    return dropped


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
