"""The fleet itself: who syncs what into which workbook, and when."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from standins.fleet.draws import stream
from standins.fleet.queries import Queries, Query
from standins.fleet.schedules import Kind, Schedule, due_in_a_week, habit, mix, schedule
from standins.fleet.tables import TEAMS, Table, tables

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

FEWEST_SYNCS = 20  # below that the mix of schedules is none
_LARGEST_WORKBOOK = 80  # tabs
_CELLS_OF_A_WORKBOOK = 5_000_000  # half of what Google allows: grids are larger than what stands in them
_TEAM_SHARES = (14, 12, 9, 13, 14, 10, 7, 6, 9, 6)  # in the order of TEAMS
_MODES = (("replace", 38), ("mirror", 30), ("upsert", 22), ("append", 10))
_VIEWS = ("daily", "open", "overview", "register", "watchlist", "review", "followup", "summary")
_IDENTIFIER = string.ascii_letters + string.digits + "-_"


@dataclass(frozen=True)
class Workbook:
    """A workbook and how many tabs syncs write in it."""

    spreadsheet_id: str
    title: str
    team: str
    tabs: int


@dataclass(frozen=True)
class Sync:
    """One sync. `kind` says how often it is due, in a word."""

    name: str
    description: str
    team: str
    workbook: Workbook
    tab: str
    anchor: str
    query: Query
    mode: str
    keys: tuple[str, ...]
    kind: str
    schedule: Schedule
    priority: str
    catch_up: str
    attempts: int
    row_limit: int | None
    max_delete_share: float | None

    @property
    def cells(self) -> int:
        """Cells of its tab that it fills at most, the header included."""
        return (self.query.rows + 1) * len(self.query.columns)


@dataclass(frozen=True)
class Busy:
    """A minute of the week (from Sunday 00:00) and what is due in it."""

    minute: int
    syncs: int
    workbooks: int


@dataclass(frozen=True)
class Fleet:
    """All of it."""

    tables: tuple[Table, ...]
    workbooks: tuple[Workbook, ...]
    syncs: tuple[Sync, ...]

    @property
    def jobs_a_day(self) -> float:
        """Due times, the mean of a week's days."""
        return sum(len(sync.schedule.week) for sync in self.syncs) / 7

    def busiest(self, count: int = 10) -> list[Busy]:
        """The busiest minutes of the busiest day, the busiest first."""
        week = due_in_a_week(sync.schedule for sync in self.syncs)
        size = len(week) // 7
        days = [range(day * size, (day + 1) * size) for day in range(7)]
        day = max(days, key=lambda minutes: sum(len(week[minute]) for minute in minutes))
        busiest = sorted(day, key=lambda minute: (-len(week[minute]), minute))[:count]
        return [
            Busy(minute, len(week[minute]), len({self.syncs[place].workbook for place in week[minute]}))
            for minute in busiest
        ]


def draw_fleet(syncs: int = 2_500, seed: int = 7, scale: float = 1.0) -> Fleet:
    """A fleet, the same for the same arguments on any machine.

    Args:
        syncs: how many, at least 20.
        seed: of everything.
        scale: of the rows of tables and results; schedules and columns stay.

    Raises:
        ValueError: an argument is too small.
    """
    if syncs < FEWEST_SYNCS or scale <= 0:
        raise ValueError(f"a fleet has at least {FEWEST_SYNCS} syncs and a scale above 0")
    made = tables(seed, scale)
    books = _workbooks(syncs, seed)
    kinds = mix(syncs)
    stream(seed, "kinds").shuffle(kinds)
    queries = Queries(made, stream(seed, "queries"), scale)
    drawn: list[Sync] = []
    for book in books:
        drawn += _syncs(book, kinds[len(drawn) :][: book.tabs], len(drawn) + 1, queries, stream(seed, book.title))
    return Fleet(made, books, tuple(drawn))


def _workbooks(syncs: int, seed: int) -> tuple[Workbook, ...]:
    """Zipf with a flat top (Mandelbrot's): three of 60 tabs and more, nearly nine of ten with at most eight."""
    draw = stream(seed, "workbooks")
    largest = min(_LARGEST_WORKBOOK, max(4, syncs // 30))
    sizes: list[int] = []
    while (left := syncs - sum(sizes)) > 0:
        sizes.append(min(left, max(1, round(largest * 7 / (len(sizes) + 7)))))
    draw.shuffle(sizes)
    made = []
    for number, tabs in enumerate(sizes, 1):
        identifier = "1Fleet" + "".join(draw.choices(_IDENTIFIER, k=38))
        team = draw.choices(TEAMS, _TEAM_SHARES)[0]
        made.append(Workbook(identifier, f"{team.capitalize()}: workbook {number}", team, tabs))
    return tuple(made)


def _syncs(book: Workbook, kinds: Sequence[Kind], number: int, queries: Queries, draw: random.Random) -> list[Sync]:
    usual = habit(draw)
    room = _CELLS_OF_A_WORKBOOK
    made: list[Sync] = []
    for place, kind in enumerate(kinds):
        # What is left is for all tabs that are still to come.
        fair = max(room // (len(kinds) - place), room // 4)
        sync = _sync(book, kind, schedule(kind, usual, draw), number + place, queries, draw, fair)
        room -= sync.cells
        made.append(sync)
    return made


def _sync(
    book: Workbook, kind: Kind, due: Schedule, number: int, queries: Queries, draw: random.Random, most_cells: int
) -> Sync:
    mode = draw.choices([mode for mode, _ in _MODES], [share for _, share in _MODES])[0]
    of_interval = mode == "append" and draw.random() < 0.5
    view = draw.choice(_VIEWS)
    query = queries.next(f"{book.team}_{view}_{number:04}", book.team, most_cells, of_interval=of_interval)
    subject = query.table.name.lower()
    is_frequent = kind.name in ("half_hourly", "quarter_hourly")
    rare = draw.random()
    return Sync(
        name=f"{book.team}_{subject}_{view}_{number:04}",
        description=f"{subject.replace('_', ' ').capitalize()} for the {book.team} team: {view}.",
        team=book.team,
        workbook=book,
        tab=f"{subject.replace('_', ' ').capitalize()} {view} {number}",
        anchor="B3" if draw.random() < 0.05 else "A1",
        query=query,
        mode=mode,
        # An append without an interval needs a key, else each run would add all of its rows again.
        keys=() if mode == "replace" or of_interval else (query.columns[0].name,),
        kind=kind.name,
        schedule=due,
        priority="high" if rare < (0.3 if is_frequent else 0.03) else "low" if rare > 0.88 else "normal",
        catch_up="all" if of_interval else "skip" if draw.random() < 0.05 else "latest",
        attempts=draw.choices((5, 3, 8), (85, 10, 5))[0],
        row_limit=max(1_000, -(-2 * query.rows // 1_000) * 1_000) if draw.random() < 0.5 else None,
        max_delete_share=draw.choice((0.1, 0.2, 0.3)) if mode == "mirror" and draw.random() < 0.4 else None,
    )
