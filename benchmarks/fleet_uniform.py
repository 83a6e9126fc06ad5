"""A fleet of syncs that are all alike, each of rows of its own: for figures a job, where no job is like another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standins.fleet.columns import CITY, OTHERS, UPDATED
from standins.fleet.fleet import Fleet, Sync, Workbook
from standins.fleet.queries import Query, Slots
from standins.fleet.schedules import Schedule
from standins.fleet.tables import Table, key_of

if TYPE_CHECKING:
    from collections.abc import Callable

SYNCS_A_TABLE = 40
# Of ten columns the key is the first and the time of the change the last.
COLUMNS = (
    CITY,
    *(
        next(column for column in OTHERS if column.name == name)
        for name in ("STATUS", "CUSTOMER", "ODOMETER_KM", "AMOUNT", "RISK", "IS_ACTIVE", "OPENED_ON")
    ),
    UPDATED,
)


def uniform(syncs: int, *, rows: int, tabs: int, team: Callable[[int], str] = lambda _: "retail") -> Fleet:
    """So many syncs.

    Args:
        syncs: how many.
        rows: of each one's result.
        tabs: of each workbook, which are one team's.
        team: whose a workbook is, by its number.
    """
    tables = tuple(
        Table("retail", f"BENCH_{number}", "row", key_of("BENCH", "row", 0), COLUMNS, rows * SYNCS_A_TABLE, 7 + number)
        for number in range(-(-syncs // SYNCS_A_TABLE))
    )
    books = tuple(
        Workbook(f"1Bench{number:038}", f"Bench {number}", team(number), tabs) for number in range(-(-syncs // tabs))
    )
    made = []
    for number in range(syncs):
        table, place, book = tables[number // SYNCS_A_TABLE], number % SYNCS_A_TABLE, books[number // tabs]
        columns = (table.key, *COLUMNS)
        query = Query(f"bench_{number}", table, columns, Slots(place * rows, place * rows + rows - 1))
        made.append(
            Sync(
                name=f"bench_{number}",
                description="Rows of a table",
                team=book.team,
                workbook=book,
                tab=f"Part {number % tabs}",
                anchor="A1",
                query=query,
                mode="replace",
                keys=(),
                kind="daily",
                schedule=Schedule((30,), (3,)),
                priority="normal",
                catch_up="latest",
                attempts=5,
                row_limit=None,
                max_delete_share=None,
            )
        )
    return Fleet(tables, books, tuple(made))
