"""Whether a job has anything to do at all: pure, from what the last run left behind and the source's version now."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import orjson

from drivetrain.sheets.dispatch import Trigger
from drivetrain.sheets.outcome import unchanged_unseen
from drivetrain.sheets.spec import Mode

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from drivetrain.sheets.memory import Remembered
    from drivetrain.sheets.outcome import SyncOutcome
    from drivetrain.sheets.spec import SheetSyncSpec


@dataclass(frozen=True)
class SourceVersion:
    """All that a query's result depends on, its text left out.

    Attributes:
        value: equal to an earlier one: the query would say what it said then.
        read_at: the tab of a run with this version is at least as fresh as that.
    """

    value: str
    read_at: dt.datetime


def source_version(
    asked_by: object, versions: object, parameters: Mapping[str, object], read_at: dt.datetime
) -> SourceVersion:
    """Fold what a query depends on into one version.

    Args:
        asked_by: account, user, role and defaults of the session: policies may show each role other rows.
        versions: of the tables by their names, or the watermark's value.
        parameters: as they are bound.
        read_at: before the first of the versions was asked for.
    """
    document = orjson.dumps([asked_by, versions, parameters], default=str, option=orjson.OPT_SORT_KEYS)
    return SourceVersion(hashlib.blake2b(document, digest_size=16).hexdigest(), read_at)


def wants_version(spec: SheetSyncSpec) -> bool:
    """Whether knowing the source's version can save anything: an append adds its rows each time."""
    return spec.mode is not Mode.APPEND and not spec.source.always_run


def is_check_due(spec: SheetSyncSpec, trigger: Trigger, remembered: Remembered | None, now: dt.datetime) -> bool:
    """Whether the sheet itself has to be looked at, whatever the source says: somebody asks, or it is time."""
    if trigger is Trigger.DEMAND or remembered is None:
        return True
    # Clocks of several machines may differ; one that is far ahead is no reason to believe it for long.
    return abs(now - remembered.checked_at) >= spec.check_interval


def skip(
    spec: SheetSyncSpec,
    spec_hash: str,
    trigger: Trigger,
    version: SourceVersion | None,
    remembered: Remembered | None,
    now: dt.datetime,
) -> SyncOutcome | None:
    """The outcome of a job whose tab is known to be as its query would say; None: it has to run.

    Args:
        spec: the sync.
        spec_hash: drivetrain.sheets.registry.spec_hash of it now.
        trigger: why it runs; what somebody asked for runs in full.
        version: of the source, not older than the job's due time; None: unknown.
        remembered: what its last good run left behind.
        now: aware.
    """
    if remembered is None or version is None or not wants_version(spec):
        return None
    if not remembered.result_digest:  # a write began, and nobody saw its end
        return None
    if (remembered.spec_hash, remembered.source_version) != (spec_hash, version.value):
        return None
    if is_check_due(spec, trigger, remembered, now):
        return None
    unseen = unchanged_unseen(spec, rows=remembered.rows)
    return replace(unseen, source="skipped", source_read_at=version.read_at)
