"""What the board of features asks of the database."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from boards.spark import RUNS, Run
from drivetrain.state.feature_standings import known_views
from drivetrain.state.feature_tables import feature_audits, feature_files, feature_loads, feature_runs, feature_views
from drivetrain.state.features import FileOutcome, RunOutcome

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import Connection, RowMapping

SHOWN = 50  # rows of a page, and of each table of one view's page
_V, _R, _A, _F, _L = (table.c for table in (feature_views, feature_runs, feature_audits, feature_files, feature_loads))


class Standing(StrEnum):
    """What somebody has to know of a view first."""

    LATE = "late"
    REFUSED = "refused"
    OK = "ok"


@dataclass(frozen=True)
class Row:
    """One view of the list.

    Attributes:
        facts: columns of feature_views, with `read_until`.
        age: seconds since what is served was read, or since the view is known if nothing ever was.
        last: its newest run that brought rows.
        runs: its last ones, the oldest first.
        audit: its newest audit, as feature_audits has it.
    """

    facts: RowMapping
    age: float
    last: RowMapping | None = None
    runs: Sequence[Run] = ()
    audit: RowMapping | None = None

    @property
    def share(self) -> float:
        """The age as a share of the objective."""
        return self.age / max(int(self.facts["freshness_seconds"]), 1)

    @property
    def is_late(self) -> bool:
        """Whether what is served is older than its spec lets it be."""
        return self.share > 1

    @property
    def standing(self) -> Standing:
        """The one that counts most."""
        if self.is_late:
            return Standing.LATE
        is_refused = self.last is not None and self.last["outcome"] == RunOutcome.REFUSED
        return Standing.REFUSED if is_refused else Standing.OK

    @property
    def wrong(self) -> int | None:
        """Of how many entities the newest audit found that they are missing or older; None: there was none."""
        return None if self.audit is None else self.audit["missing"] + self.audit["older"]


@dataclass(frozen=True)
class Kept:
    """What is known of one view, the newest first."""

    runs: Sequence[RowMapping] = ()
    files: Sequence[RowMapping] = ()
    loads: Sequence[RowMapping] = ()
    audits: Sequence[RowMapping] = ()
    file_counts: Mapping[str, int] = field(default_factory=dict)


def views(connection: Connection, now: dt.datetime, *, only: str | None = None) -> list[Row]:
    """All views that have a spec, those first that are closest to, or furthest above, their objective."""
    query = known_views()
    if only is not None:
        query = query.where(_V.view == only)
    rows = []
    for found in connection.execute(query).mappings():
        age = (now - (found["read_until"] or found["registered_at"])).total_seconds()
        rows.append(Row(found, max(age, 0.0), last=found if found["outcome"] else None))
    return sorted(rows, key=lambda row: (list(Standing).index(row.standing), -row.share, row.facts["view"]))


def with_history(connection: Connection, rows: Sequence[Row]) -> list[Row]:
    """The same with their last runs and their newest audit."""
    names = [row.facts["view"] for row in rows]
    if not names:
        return []
    wanted = sa.func.unnest(sa.bindparam("views", names, type_=ARRAY(sa.Text))).table_valued("view").render_derived()
    last = (
        sa.select(_R.project, _R.started_at, _R.finished_at, _R.outcome)
        .where(_R.view == wanted.c.view)
        .order_by(_R.started_at.desc())
        .limit(RUNS)
        .lateral()
    )
    runs: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for found in connection.execute(sa.select(wanted.c.view, last).select_from(wanted.join(last, sa.true()))):
        seconds = (found.finished_at - found.started_at).total_seconds() if found.finished_at else 0.0
        run = Run(found.started_at, max(seconds, 0.0), found.outcome, found.outcome == RunOutcome.WRITTEN)
        runs[found.project, found.view].append(run)
    newest = sa.select(feature_audits).where(_A.view == wanted.c.view).order_by(_A.audited_at.desc()).limit(1).lateral()
    audited = sa.select(newest).select_from(wanted.join(newest, sa.true()))
    audits = {(found["project"], found["view"]): found for found in connection.execute(audited).mappings()}
    told = []
    for row in rows:
        key = (row.facts["project"], row.facts["view"])
        mine = sorted(runs[key], key=lambda run: run.at)
        told.append(Row(row.facts, row.age, row.last, mine, audits.get(key)))
    return told


def kept(connection: Connection, facts: RowMapping) -> Kept:
    """One view's runs, files, loads and audits."""

    def newest(table: sa.Table, at: sa.Column[Any]) -> Sequence[RowMapping]:
        mine = (table.c.project == facts["project"], table.c.view == facts["view"])
        return connection.execute(sa.select(table).where(*mine).order_by(at.desc()).limit(SHOWN)).mappings().all()

    mine = (_F.project == facts["project"], _F.view == facts["view"])
    counted = sa.select(_F.outcome, sa.func.count()).where(*mine).group_by(_F.outcome)
    counts = dict.fromkeys(map(str, FileOutcome), 0)
    counts |= {outcome: int(number) for outcome, number in connection.execute(counted)}
    return Kept(
        runs=newest(feature_runs, _R.started_at),
        files=newest(feature_files, _F.done_at),
        loads=newest(feature_loads, _L.until),
        audits=newest(feature_audits, _A.audited_at),
        file_counts=counts,
    )
