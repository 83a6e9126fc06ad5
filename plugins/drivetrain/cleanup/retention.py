"""How long things are kept, by team: include/cleanup/retention.yaml."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, StringConstraints

from drivetrain.spec_types import Duration, Slug, parse_duration
from drivetrain.specs import ClosedModel, load_spec

if TYPE_CHECKING:
    from pathlib import Path

FILE = "cleanup/retention.yaml"
DAY = dt.timedelta(days=1)
_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"^(\d{1,6})(MB|GB|TB)$")


def _at_least_a_day(text: str) -> str:
    if parse_duration(text) < DAY:
        raise ValueError("keep it for a day at least: write 1d or more")
    return text


def _size(text: str) -> str:
    match = _SIZE.match(text)
    if not match or not int(match.group(1)):
        raise ValueError("write a size as 500MB, 20GB or 2TB")
    return text


Days = Annotated[Duration, AfterValidator(_at_least_a_day)]
Size = Annotated[str, AfterValidator(_size)]
Namespace = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Place = Annotated[str, StringConstraints(pattern=r"^(gs://[a-z0-9][a-z0-9._-]+|file:///[^?#]*[^/?#])(/[^?#]*)?$")]


class TeamKeep(ClosedModel):
    """What differs for one team; a key that is left out is as in `default`.

    Attributes:
        runs: DAG runs with all that belongs to them, counted from their ends.
        logs: task logs, counted from their last line.
        log_size: all logs of the team; the oldest days go first.
    """

    runs: Days | None = None
    logs: Days | None = None
    log_size: Size | None = None


class Keep(ClosedModel):
    """As TeamKeep, for teams that are not listed and for what belongs to none."""

    runs: Days = "90d"
    logs: Days = "30d"
    log_size: Size | None = None


class Tables(ClosedModel):
    """Rows of Airflow's tables that belong to no DAG run, by their age; the keys are the tables' names.

    Attributes:
        log: the audit log: who did what.
        asset_event: what no run that is still there was made by, and that is not its asset's newest.
        callback: callbacks of deadlines that are over.
        job: schedulers, triggerers and DAG processors that stopped.
        session: logins to the UI, after they expired.
        connection_test_request: tests of connections that are over.
        partitioned_asset_key_log: which event belonged to which partition's run, once that run is gone.
    """

    log: Days = "180d"
    asset_event: Days = "90d"
    callback: Days = "30d"
    job: Days = "30d"
    session: Days = "1d"
    connection_test_request: Days = "7d"
    partitioned_asset_key_log: Days = "30d"


class Batches(ClosedModel):
    """How gently rows are deleted.

    Attributes:
        seconds: what one transaction should take; batches grow and shrink toward it.
        most_rows: of one transaction, however fast it is.
        rest: the pause after each transaction, as a share of its time.
        vacuum: let Postgres make the space of deleted rows usable at once, where the role may ask for it.
    """

    seconds: Annotated[float, Field(ge=0.05, le=5)] = 0.5
    most_rows: Annotated[int, Field(ge=10, le=50_000)] = 5_000
    rest: Annotated[float, Field(ge=0, le=10)] = 0.25
    vacuum: bool = True


class Pods(ClosedModel):
    """Pods of tasks that ended and that nobody removed.

    Attributes:
        finished_for: how long ago they have to have ended.
        namespaces: where to look; none: where the Kubernetes connection points.
    """

    finished_for: Duration = "1h"
    namespaces: tuple[Namespace, ...] = ()


class StagingTabs(ClosedModel):
    """Hidden tabs that killed sheet syncs left behind.

    Attributes:
        over_nights: a workbook is looked at once in so many nights, since a look costs a read of Google's quota.
    """

    over_nights: Annotated[int, Field(ge=1, le=31)] = 7


class Retention(ClosedModel):
    """The whole file.

    Attributes:
        default: for teams that are not listed.
        teams: what differs, by team: the tag `team:<name>` of a DAG.
        latest_runs: of each DAG, kept however old. The newest of each type and the newest that succeeded always stay.
        dag_versions: of each DAG, kept however old; older ones go when no run refers to them any more.
        tables: rows that belong to no run.
        archive: a folder (file:///...) or bucket (gs://...) that gets a copy of runs, events and the audit log before
            they are deleted; none: no copy.
    """

    default: Keep = Keep()
    teams: dict[Slug, TeamKeep] = Field(default_factory=dict)
    latest_runs: Annotated[int, Field(ge=1, le=1_000)] = 10
    dag_versions: Annotated[int, Field(ge=1, le=1_000)] = 5
    tables: Tables = Tables()
    batches: Batches = Batches()
    pods: Pods = Pods()
    staging_tabs: StagingTabs = StagingTabs()
    archive: Place | None = None

    def of(self, team: str | None) -> Kept:
        """What holds for a team; None, and teams that are not listed: the default."""
        own = self.teams.get(team or "", TeamKeep())
        size = own.log_size or self.default.log_size
        return Kept(
            runs=parse_duration(own.runs or self.default.runs),
            logs=parse_duration(own.logs or self.default.logs),
            log_bytes=_bytes(size) if size else None,
        )

    def table(self, name: str) -> dt.timedelta:
        """How long the rows of one of `tables` are kept."""
        return parse_duration(getattr(self.tables, name))


@dataclass(frozen=True)
class Kept:
    """How long a team's things are kept, and how large its logs may be."""

    runs: dt.timedelta
    logs: dt.timedelta
    log_bytes: int | None


def load_retention(include: Path) -> Retention:
    """Read the file.

    Raises:
        SpecError: it is wrong: one line with the file, the key and the fix.
    """
    return load_spec(include / FILE, Retention)


def _bytes(size: str) -> int:
    match = _SIZE.match(size)
    if match is None:  # pragma: no cover - refused when the file was read
        raise ValueError(size)
    return int(match.group(1)) * _UNITS[match.group(2)]
