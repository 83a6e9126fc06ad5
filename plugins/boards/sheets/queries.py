"""What the list asks of the database.

Only the page's rows get their history: each of their 30 last runs is one step in the index by sync and due time, and
bounds on the due time leave a year's other months unopened.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from boards.sheets.filters import Filters, Sort, Standing
from boards.spark import RUNS, Run
from drivetrain.sheets.registry import GOOD_OUTCOMES
from drivetrain.state.tables import sheet_runs, sheet_syncs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.engine import Connection, RowMapping
    from sqlalchemy.sql import ColumnElement, Select

PAGE = 50
SPARK_DAYS = dt.timedelta(days=90)
DAY = dt.timedelta(days=1)
_SLACK = dt.timedelta(hours=1)  # a clock that is ahead of ours
_AT = sa.DateTime(timezone=True)
_S, _R = sheet_syncs.c, sheet_runs.c


@dataclass(frozen=True)
class Row:
    """One sync of the list.

    Attributes:
        facts: columns of sheet_syncs.
        age: seconds since the data was read, or since the sync is known if it never was.
        is_late: older than its objective; never one that is paused or without a schedule.
    """

    facts: RowMapping
    age: float
    is_late: bool
    runs: Sequence[Run] = ()
    runs_24h: int = 0
    writes_24h: int = 0

    @property
    def standing(self) -> Standing:
        """The one that counts most."""
        if self.facts["paused_at"] is not None:
            return Standing.PAUSED
        if self.is_late:
            return Standing.LATE
        return Standing.FAILING if self.facts["failures"] else Standing.OK

    @property
    def share(self) -> float:
        """The age as a share of the objective."""
        return self.age / max(int(self.facts["freshness_seconds"]), 1)


@dataclass(frozen=True)
class Listing:
    """One page of the list.

    Attributes:
        counts: how many there are of each standing, whichever of them is shown.
        matches: how many the filters leave, all pages together.
    """

    rows: Sequence[Row]
    matches: int
    total: int
    counts: Mapping[Standing, int]

    @property
    def pages(self) -> int:
        """At least one."""
        return max(-(-self.matches // PAGE), 1)


def teams(connection: Connection) -> list[str]:
    """Every team that has syncs."""
    query = sa.select(_S.team).where(_S.removed_at.is_(None)).distinct().order_by(_S.team)
    return list(connection.execute(query).scalars())


def listing(connection: Connection, filters: Filters, readable: Collection[str], now: dt.datetime) -> Listing:
    """A page of those syncs that the user may see.

    Args:
        connection: to the state database.
        filters: what was asked for.
        readable: teams; the database gives nobody else's.
        now: aware.
    """
    chosen = _chosen(filters, readable)
    standings = _standings(now)
    numbers = [sa.func.count().filter(condition).label(name.value) for name, condition in standings.items()]
    counted = connection.execute(sa.select(sa.func.count().label("total"), *numbers).where(*chosen)).one()._mapping
    counts = {name: int(counted[name.value]) for name in Standing}
    total = int(counted["total"])
    if filters.standing:
        chosen = [*chosen, standings[filters.standing]]
    query: Select[Any] = (
        sa.select(*_S, _age(now).label("age"), standings[Standing.LATE].label("is_late"))
        .where(*chosen)
        .limit(PAGE)
        .offset((filters.page - 1) * PAGE)
    )
    rows = [
        Row(facts=found, age=float(found["age"]), is_late=bool(found["is_late"]))
        for found in connection.execute(_ordered(query, filters, now)).mappings()
    ]
    matches = counts[filters.standing] if filters.standing else total
    return Listing(_with_history(connection, rows, now), matches, total, counts)


def one(connection: Connection, sync: str, now: dt.datetime) -> Row | None:
    """One sync with its recent history; None: there is none of that name."""
    late = _standings(now)[Standing.LATE].label("is_late")
    query = sa.select(*_S, _age(now).label("age"), late).where(_S.sync == sync, _S.removed_at.is_(None))
    found = connection.execute(query).mappings().first()
    if found is None:
        return None
    row = Row(facts=found, age=float(found["age"]), is_late=bool(found["is_late"]))
    return _with_history(connection, [row], now)[0]


def _chosen(filters: Filters, readable: Collection[str]) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = [_S.removed_at.is_(None), _S.team.in_(sorted(readable))]
    if filters.team:
        chosen.append(_S.team == filters.team)
    for word in filters.search.split():
        columns = (_S.sync, _S.tab, _S.description, _S.owner, _S.spreadsheet_id)
        chosen.append(sa.or_(*(column.icontains(word, autoescape=True) for column in columns)))
    return chosen


def _age(now: dt.datetime) -> ColumnElement[Any]:
    since = sa.func.coalesce(_S.last_success_at, _S.registered_at)
    return sa.func.greatest(sa.extract("epoch", sa.literal(now, _AT) - since), 0)


def _standings(now: dt.datetime) -> dict[Standing, ColumnElement[bool]]:
    active = _S.paused_at.is_(None)
    late = sa.and_(_S.cron.is_not(None), _age(now) > _S.freshness_seconds)
    failing = _S.failures > 0
    return {
        Standing.LATE: sa.and_(active, late),
        Standing.FAILING: sa.and_(active, failing),
        Standing.OK: sa.and_(active, sa.not_(late), sa.not_(failing)),
        Standing.PAUSED: sa.not_(active),
    }


def _ordered(query: Select[Any], filters: Filters, now: dt.datetime) -> Select[Any]:
    standings = _standings(now)
    share = _age(now) / sa.func.greatest(_S.freshness_seconds, 1)
    if filters.sort is Sort.STANDING:
        urgency = sa.case(
            (standings[Standing.LATE], 0), (standings[Standing.FAILING], 1), (standings[Standing.OK], 2), else_=3
        )
        first: list[ColumnElement[Any]] = [urgency, sa.desc(share)]
        if filters.reverse:
            first = [sa.desc(urgency), share]
        return query.order_by(*first, _S.sync)
    keys: dict[Sort, ColumnElement[Any]] = {
        Sort.SYNC: _S.sync,
        Sort.TEAM: _S.team,
        Sort.AGE: _age(now),
        Sort.ROWS: _S.rows,
        Sort.DUE: _S.next_due_at,
    }
    if filters.sort is Sort.WRITES:
        # By the index for each sync: a sum over the whole month, grouped, takes twice as long.
        recent = sa.and_(_R.sync == _S.sync, _R.due_at > now - DAY, _R.due_at < now + _SLACK)
        keys[Sort.WRITES] = sa.select(sa.func.sum(_R.write_calls)).where(recent).scalar_subquery()
    key = keys[filters.sort]
    return query.order_by((sa.desc(key) if filters.descending else sa.asc(key)).nulls_last(), _S.sync)


def _spent(now: dt.datetime) -> Select[Any]:
    return (
        sa.select(_R.sync, sa.func.count().label("runs"), sa.func.sum(_R.write_calls).label("writes"))
        .where(_R.due_at > now - DAY, _R.due_at < now + _SLACK)
        .group_by(_R.sync)
    )


def _with_history(connection: Connection, rows: Sequence[Row], now: dt.datetime) -> list[Row]:
    names = [row.facts["sync"] for row in rows]
    if not names:
        return []
    wanted = sa.func.unnest(sa.bindparam("syncs", names, type_=ARRAY(sa.Text))).table_valued("sync").render_derived()
    last = (
        sa.select(_R.due_at, _R.started_at, _R.finished_at, _R.outcome)
        .where(_R.sync == wanted.c.sync, _R.due_at > now - SPARK_DAYS, _R.due_at < now + _SLACK)
        .order_by(_R.due_at.desc())
        .limit(RUNS)
        .lateral()
    )
    history = sa.select(wanted.c.sync, last).select_from(wanted.join(last, sa.true()))
    runs: dict[str, list[Run]] = defaultdict(list)
    for found in connection.execute(history):
        seconds = (found.finished_at - found.started_at).total_seconds()
        runs[found.sync].append(Run(found.due_at, max(seconds, 0.0), found.outcome, found.outcome in GOOD_OUTCOMES))
    spent = {found.sync: found for found in connection.execute(_spent(now).where(_R.sync.in_(names)))}
    return [
        Row(
            facts=row.facts,
            age=row.age,
            is_late=row.is_late,
            runs=sorted(runs[row.facts["sync"]], key=lambda run: run.at),
            runs_24h=spent[row.facts["sync"]].runs if row.facts["sync"] in spent else 0,
            writes_24h=int(spent[row.facts["sync"]].writes) if row.facts["sync"] in spent else 0,
        )
        for row in rows
    ]
