"""How the fleet's tables change: each has a cadence, and each of its loads changes about 1 % of its rows.

An assumption about warehouses, so it stands in the results of what uses it. A row changes once at most, so that the
query of an interval that has passed gives the same rows for the rest of the day.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from standins.fleet.draws import stream

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from snowflake.connector import SnowflakeConnection

    from standins.fleet.tables import Table

# Minutes between two loads of a table, and how many of a hundred tables have it.
CADENCES = ((15, 10), (60, 35), (240, 30), (1_440, 25))
UPDATED, INSERTED = 100, 1_000  # one row of so many
COLUMNS_CHANGED = 8
_NIGHT = range(60, 300)  # minutes of the day in which tables that are loaded once a day are loaded
_FIRST_NEW = 1_000_000  # where the numbers of new rows begin; those of the fleet end at 80,000
_PRIME = 1_000_003
_LEFT_ALONE = {"variant", "binary"}

ASSUMPTION = (
    "of a hundred tables 10 are loaded every 15 minutes, 35 every hour, 30 every four hours and 25 in the night, by "
    f"seed; a load changes {COLUMNS_CHANGED} columns of every {UPDATED}th row and adds a row for every {INSERTED:,}"
)


@dataclass(frozen=True)
class Cadence:
    """When a table is loaded.

    Attributes:
        every: minutes.
        first: minute of the day of the first load.
    """

    table: Table
    every: int
    first: int

    def number_at(self, minute: int) -> int | None:
        """Which load of the day, from 0, is at that minute; None if none is."""
        number, rest = divmod(minute - self.first, self.every)
        return number if number >= 0 and not rest else None


def cadences(tables: Sequence[Table], seed: int) -> tuple[Cadence, ...]:
    """A cadence for each table, the minutes spread."""
    made = []
    for table in tables:
        draw = stream(seed, f"loads/{table.qualified}")
        (every,) = draw.choices([every for every, _ in CADENCES], [weight for _, weight in CADENCES])
        made.append(Cadence(table, every, draw.choice(_NIGHT) if every == 1_440 else draw.randrange(every)))
    return tuple(made)


def load(
    connection: SnowflakeConnection, table: Table, number: int, at: dt.datetime, *, all_rows: bool = False
) -> None:
    """Change a table's rows in one transaction.

    Args:
        connection: of the warehouse.
        table: of the fleet.
        number: of the load, from 0 to 99: each changes other rows.
        at: the rows' UPDATED_AT, in UTC.
        all_rows: change every row, and every column that is plain, and add none.
    """
    draw = stream(table.seed, f"load/{number}")
    plain = [column for column in table.columns[:-1] if column.kind not in _LEFT_ALONE]
    changed = plain if all_rows else draw.sample(plain, COLUMNS_CHANGED)
    updated_at = f"'{at:%Y-%m-%d %H:%M:%S}'::TIMESTAMP_NTZ"
    values = [f"{table.columns[-1].name} = {updated_at}"]
    for column in changed:
        x = f"MOD(SLOT * {draw.randrange(2, _PRIME)} + {draw.randrange(_PRIME)}, {_PRIME})"
        values.append(f"{column.name} = ({column.value.format(x=x)})::{column.sql_type}")
    where = "" if all_rows else f" WHERE MOD(SLOT, {UPDATED}) = {number % UPDATED}"
    with closing(connection.cursor()) as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"UPDATE {table.qualified} SET {', '.join(values)}{where}")
        if not all_rows:
            cursor.execute(_insert(table, number, updated_at))
        cursor.execute("COMMIT")


def _insert(table: Table, number: int, updated_at: str) -> str:
    """New rows like some of the first ones, at the same places of the shuffled order, so that queries find them."""
    key, names = table.key, ", ".join(column.name for column in table.columns[:-1])
    first_new = str(_FIRST_NEW) if key.kind == "integer" else f"'{table.name[:2]}-{_FIRST_NEW:07}'"
    return (
        f"INSERT INTO {table.qualified} ({key.name}, SLOT, {names}, {table.columns[-1].name})\n"
        f"SELECT {key.value}, SLOT, {names}, {updated_at}\n"
        f"FROM (SELECT SLOT, {names}, {_FIRST_NEW + number * table.rows} + SLOT AS N FROM {table.qualified}\n"
        f"      WHERE MOD(SLOT, {INSERTED}) = {number % INSERTED} AND {key.name} < {first_new})"
    )
