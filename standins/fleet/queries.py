"""What the syncs of a fleet ask: a sample of a table, a table with its city, or figures on top of one."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from standins.fleet.columns import Template
from standins.fleet.tables import DATABASE, TEAMS, Table

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

FEWEST_ROWS, MOST_ROWS = 20, 50_000
_SHAPE = 0.75  # of a Pareto distribution: half of the results have less than 50 rows, one of twenty more than 1,000
_FEWEST_COLUMNS, _MOST_COLUMNS = 4, 30
_INTERVAL = {"since": {"from": "interval_start"}, "until": {"from": "interval_end"}}
_ADDED = {
    "city": (
        Template("CITY", "text", "VARCHAR(40)", "c.CITY", header="City name"),
        Template("STATE", "text", "VARCHAR(40)", "c.STATE"),
    ),
    "figures": (
        Template("ROW_HASH", "text", "VARCHAR(32)", "MD5(t.SLOT::VARCHAR)", header="Check sum"),
        Template("AGE_DAYS", "integer", "NUMBER(9,0)", "DATEDIFF(DAY, t.UPDATED_AT, '2026-11-25'::DATE)"),
    ),
}


class Slots(NamedTuple):
    """A range of places in a table's shuffled order, both ends included."""

    first: int
    last: int


@dataclass(frozen=True)
class Query:
    """A query, by itself or shared by several syncs.

    Attributes:
        name: of its file; "" where its text stands in the spec.
        columns: what it gives, the key first.
        slots: which rows of the table.
        is_bound: the slots are parameters, so that the same text serves for other rows too.
        of_interval: only the rows that changed in the run's interval, for appends.
        shape: "plain", "city" (joined) or "figures" (a CTE).
    """

    name: str
    table: Table
    columns: tuple[Template, ...]
    slots: Slots
    shape: str = "plain"
    is_bound: bool = False
    of_interval: bool = False

    @property
    def rows(self) -> int:
        """How many rows it gives, or at most gives if it is about an interval."""
        return self.slots.last - self.slots.first + 1

    @property
    def parameters(self) -> dict[str, object]:
        """What its text needs."""
        given: dict[str, object] = dict(self.slots._asdict()) if self.is_bound else {}
        return given | (_INTERVAL if self.of_interval else {})

    @property
    def text(self) -> str:
        """The SQL, with a first line that says what a row is."""
        first, last = ("%(first)s", "%(last)s") if self.is_bound else self.slots
        conditions = [f"t.SLOT BETWEEN {first} AND {last}"]
        if self.of_interval:
            conditions += [
                f"t.UPDATED_AT {sign} CONVERT_TIMEZONE('UTC', %({name})s::TIMESTAMP_TZ)::TIMESTAMP_NTZ"
                for sign, name in ((">=", "since"), ("<", "until"))
            ]
        where = "\n  AND ".join(conditions)
        source = self.table.qualified
        head = f"-- One row a {self.table.noun}. Key: {self.table.key.name}.\n"
        if self.shape == "figures":
            head += f"WITH picked AS (\n    SELECT * FROM {source} AS t\n    WHERE {where}\n)\n"
            source, where = "picked", ""
        added = {template.name: template.value for template in _ADDED.get(self.shape, ())}
        selected = ", ".join(
            f"{added[column.name]} AS {column.name}" if column.name in added else f"t.{column.name}"
            for column in self.columns
        )
        lines = [
            textwrap.fill(f"SELECT {selected}", 110, subsequent_indent="       ", break_long_words=False),
            f"FROM {source} AS t",
        ]
        if self.shape == "city":
            lines.append(f"LEFT JOIN {DATABASE}.REF.CITIES AS c ON c.CITY_CODE = t.CITY_CODE")
        if where:
            lines.append(f"WHERE {where}")
        return head + "\n".join([*lines, f"ORDER BY t.{self.table.key.name}"]) + "\n"


@dataclass
class Queries:
    """Draws queries, and gives one out again where several teams ask the same.

    Attributes:
        shared: the share of the syncs that use a query of another sync as it is.
        scale: of the rows of results and tables.
    """

    tables: Sequence[Table]
    draw: random.Random
    scale: float = 1.0
    shared: float = 0.1
    _made: list[Query] = field(default_factory=list, init=False)

    def next(self, name: str, team: str, most_cells: int, *, of_interval: bool) -> Query:
        """A query for a sync of a team.

        Args:
            name: of the sync.
            team: reads its own tables, and now and then another team's.
            most_cells: cells that its workbook has room for.
            of_interval: for an append of what changed in the run's interval.
        """
        draw = self.draw
        wanted = draw.random()
        if wanted < self.shared * 1.5 and self._made and not of_interval:
            # A few are asked by many: the square makes the first ones popular. One of three has other parameters.
            known = self._made[int(len(self._made) * draw.random() ** 2)]
            if known.rows * len(known.columns) <= most_cells:
                if wanted < self.shared:
                    return known
                if known.is_bound:
                    return replace(known, slots=self._slots(known.table, known.rows))
        query = self._new(name, team, most_cells, of_interval=of_interval)
        if not of_interval:
            self._made.append(query)
        return query

    def _new(self, name: str, team: str, most_cells: int, *, of_interval: bool) -> Query:
        draw = self.draw
        owner = team if draw.random() < 0.8 else draw.choice(TEAMS)
        own = [table for table in self.tables if table.team == owner]
        width = min(_MOST_COLUMNS, _FEWEST_COLUMNS + int(draw.expovariate(1 / 7)))
        rows = max(1, min(self._rows(), most_cells // width))
        table = draw.choice([table for table in own if table.rows >= rows] or own[:1])
        shape = draw.choices(("plain", "city", "figures"), (6, 2, 2))[0]
        added = _ADDED.get(shape, ())
        chosen = sorted(draw.sample(range(len(table.columns)), width - 1 - len(added)))
        columns = (table.key, *(table.columns[index] for index in chosen), *added)
        is_inline = draw.random() < 0.2
        is_bound = draw.random() < 0.4
        slots = self._slots(table, min(rows, table.rows))
        return Query("" if is_inline else name, table, columns, slots, shape, is_bound, of_interval)

    def _slots(self, table: Table, rows: int) -> Slots:
        first = self.draw.randrange(table.rows - rows + 1)
        return Slots(first, first + rows - 1)

    def _rows(self) -> int:
        """Pareto between the fewest and the most: each size as often as it is in Zipf's law."""
        most = max(FEWEST_ROWS, round(MOST_ROWS * self.scale))
        least = (FEWEST_ROWS / most) ** _SHAPE
        share = self.draw.random() * (1 - least) + least
        return min(most, round(FEWEST_ROWS / share ** (1 / _SHAPE)))
