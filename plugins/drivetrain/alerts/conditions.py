"""What is worth telling: pure, from what was looked at and the limits."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from drivetrain.alerts.alert import PLATFORM, Alert, Kind, Severity, one_line, span
from drivetrain.alerts.drift import is_drift

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from drivetrain.alerts.facts import Facts, QuotaUse, SyncStanding
    from drivetrain.alerts.thresholds import Thresholds
    from drivetrain.jobs.queue import DeadLetter

BOARD = "/drivetrain/sheets"
_LATE = "sheets.md#syncs-are-late-or-nothing-runs"
_DEAD = "sheets.md#a-job-was-given-up"
_QUOTA = "sheets.md#the-quota-is-used-up"
_DRIFT = "sheets.md#columns-drifted"
_FAILING = "sheets.md#a-sync-keeps-failing"
_BLIND = "sheets.md#sheets_health-is-silent"
# A restart is no news.
_BLINK = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Findings:
    """What holds, and of which kinds that is all.

    Attributes:
        judged: an alert of these kinds that is not among `alerts` is over. Of the others nothing is known.
        glimpsed: of these `alerts` may lack some: one is over when it was not seen for a while.
    """

    alerts: tuple[Alert, ...]
    judged: frozenset[Kind]
    glimpsed: frozenset[Kind] = frozenset()


def findings(facts: Facts, limits: Thresholds) -> Findings:
    """Every condition that holds."""
    active = [sync for sync in facts.syncs if not sync.is_paused]
    alerts = [*_late(facts, limits), *_failing(active, limits), *_drifted(active), *_blind(facts)]
    judged, glimpsed = {Kind.LATE, Kind.FAILING, Kind.DRIFT, Kind.BLIND}, {Kind.TASK}
    if facts.dead_letters is not None:
        alerts += _dead(facts, facts.dead_letters, limits)
        # A queue that does not know how many there are gives some of them, and others the next time.
        (glimpsed if facts.depth is None or facts.depth.dead is None else judged).add(Kind.DEAD)
    if facts.depth is not None and facts.depth.ready is not None:
        alerts += _waiting(facts, limits)
        judged.add(Kind.QUEUE)
    if facts.quota is not None:
        alerts += _used_up(facts.quota, limits)
        judged.add(Kind.QUOTA)
    return Findings(tuple(alerts), frozenset(judged), frozenset(glimpsed))


def board_page(sync: str) -> str:
    """A sync's page, below Airflow's own address."""
    return f"{BOARD}/{quote(sync, safe='')}"


def late(facts: Facts, limits: Thresholds) -> list[SyncStanding]:
    """Syncs beyond their objective and its grace; a paused one is nobody's surprise."""
    grace = limits.span("late_grace")
    return [
        sync for sync in facts.syncs if sync.is_scheduled and not sync.is_paused and facts.at > sync.late_at() + grace
    ]


def _late(facts: Facts, limits: Thresholds) -> Iterator[Alert]:
    for sync in late(facts, limits):
        age = facts.at - sync.fresh_at
        if sync.failures:
            why = f"its last run failed: {one_line(sync.last_error, 300)}"
            fix = "mend what the error names, then Sync now on its page"
        elif sync.last_attempt_at is None or sync.last_attempt_at < sync.late_at():
            why = "no run ended since it became late"
            fix = "see whether sheets_dispatch and sheets_worker run, and what waits in the queue"
        else:
            why = "its runs end well, but too rarely or too late"
            fix = "compare its schedule with its freshness objective"
        never = "never synced" if sync.last_success_at is None else f"{span(age)} old"
        yield Alert(
            kind=Kind.LATE,
            subject=sync.sync,
            severity=Severity.CRITICAL if age >= limits.late_critical * sync.freshness else Severity.WARNING,
            team=sync.team,
            owner=sync.owner,
            line=f"sync {sync.sync}: {never}, its objective is {span(sync.freshness)}: {why}",
            fix=fix,
            page=board_page(sync.sync),
            runbook=_LATE,
            since=sync.late_at(),
        )


def _failing(active: Sequence[SyncStanding], limits: Thresholds) -> Iterator[Alert]:
    for sync in active:
        if sync.failures >= limits.failures:
            yield Alert(
                kind=Kind.FAILING,
                subject=sync.sync,
                severity=Severity.WARNING,
                team=sync.team,
                owner=sync.owner,
                line=f"sync {sync.sync}: failed {sync.failures} times in a row: {one_line(sync.last_error, 300)}",
                fix="mend what the error names, then Sync now on its page",
                page=board_page(sync.sync),
                runbook=_FAILING,
                since=sync.last_success_at,
            )


def _drifted(active: Sequence[SyncStanding]) -> Iterator[Alert]:
    for sync in active:
        if sync.failures and is_drift(sync.last_error):
            yield Alert(
                kind=Kind.DRIFT,
                subject=sync.sync,
                severity=Severity.WARNING,
                team=sync.team,
                owner=sync.owner,
                line=f"columns drifted, nothing is written: {one_line(sync.last_error, 400)}",
                fix="agree on the columns in query, spec and tab; no retry helps before",
                page=board_page(sync.sync),
                runbook=_DRIFT,
                since=sync.last_attempt_at,
            )


def _dead(facts: Facts, letters: Sequence[DeadLetter], limits: Thresholds) -> Iterator[Alert]:
    syncs = {sync.sync: sync for sync in facts.syncs}
    waiting: dict[str, list[DeadLetter]] = defaultdict(list)
    for letter in letters:
        name = letter.payload.get("sync")
        sync = syncs.get(name) if isinstance(name, str) else None
        if sync is None:
            if facts.at - letter.buried_at < limits.span("dead_for"):
                waiting[""].append(letter)
        elif not _is_made_good(sync, letter):
            waiting[sync.sync].append(letter)
    for name, found in sorted(waiting.items()):
        latest = max(found, key=lambda letter: letter.buried_at)
        many = "a job was" if len(found) == 1 else f"{len(found)} jobs were"
        last = f"{one_line(latest.key, 200)}: {one_line(latest.reason, 300)}"
        sync = syncs.get(name)
        who = f"sync {name}: " if sync else ""
        yield Alert(
            kind=Kind.DEAD,
            subject=name or "refused",
            severity=Severity.WARNING,
            team=sync.team if sync else PLATFORM,
            owner=sync.owner if sync else "",
            line=f"{who}{many} given up, the last one {last}",
            fix=(
                "mend what the reason names, then drivetrain queue revive <key>"
                if sync
                else "whoever sent it has to send it right; drivetrain queue dead shows all"
            ),
            page=board_page(name) if sync else BOARD,
            runbook=_DEAD,
            since=min(letter.buried_at for letter in found),
        )


def _is_made_good(sync: SyncStanding, letter: DeadLetter) -> bool:
    """A later run did its work; but an append's run is about its own time, and no other does it."""
    return sync.mode != "append" and sync.last_success_at is not None and sync.last_success_at > letter.buried_at


def _waiting(facts: Facts, limits: Thresholds) -> Iterator[Alert]:
    if facts.depth is None or facts.depth.oldest_seconds is None:
        return
    age, most = dt.timedelta(seconds=facts.depth.oldest_seconds), limits.span("queue_age")
    if age > most:
        yield Alert(
            kind=Kind.QUEUE,
            subject="sheet_sync",
            severity=Severity.CRITICAL,
            team=PLATFORM,
            line=f"the queue of sheet syncs: {facts.depth.ready} jobs wait, the oldest for {span(age)}",
            fix="see whether sheets_worker runs and what its shards do; add shards if it keeps up no more",
            page=BOARD,
            runbook=_LATE,
            since=facts.at - age + most,
        )


def _blind(facts: Facts) -> Iterator[Alert]:
    for what, why in facts.blind.items():
        yield Alert(
            kind=Kind.BLIND,
            subject=what.replace(" ", "-"),
            severity=Severity.WARNING,
            team=PLATFORM,
            line=f"sheets_health can't see the {what}: {one_line(why, 300)}",
            fix="mend the connection that the reason names; alerts of this kind stay as they were until then",
            runbook=_BLIND,
            hold=_BLINK,
        )


def _used_up(quota: Sequence[QuotaUse], limits: Thresholds) -> Iterator[Alert]:
    for use in quota:
        if use.share > limits.quota_share:
            who = use.account or f"project {use.project}"
            scope = "account" if use.account else "project"
            yield Alert(
                kind=Kind.QUOTA,
                subject=f"{use.kind}/{use.account or use.project}",
                severity=Severity.WARNING,
                team=PLATFORM,
                line=(
                    f"Google Sheets quota of {who}: {use.calls} {use.kind}s in the last minute, "
                    f"{use.share:.0%} of what may go out before jobs wait"
                ),
                fix=(
                    "add a service account and share the workbooks with it, or move schedules apart"
                    if scope == "account"
                    else "move schedules apart, or ask Google for more"
                ),
                runbook=_QUOTA,
                hold=limits.span("quota_for"),
            )
