"""What to tell of commits that were refused, of files that can't be imported, and of versions that pile up: pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drivetrain.alerts.alert import PLATFORM, Alert, Kind, Severity, one_line
from drivetrain.alerts.entry import settle
from drivetrain.dags.problem import Code, Problem, of_error
from drivetrain.dags.versions import inflated
from drivetrain.metrics.measure import Measure

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from drivetrain.alerts.entry import Entry, Settled
    from drivetrain.alerts.routes import AlertRoutes
    from drivetrain.dags.commit import Commit
    from drivetrain.dags.guard import Verdict

_REFUSED = "bad-commit.md#a-commit-was-refused"
_NOTED = "bad-commit.md#a-commit-was-taken-with-a-fault"
_IMPORT = "bad-commit.md#a-dag-file-cannot-be-imported"
_VERSIONS = "bad-commit.md#a-dag-gets-version-after-version"
_SHA = re.compile(r"[0-9a-f]{12}")


def push_alerts(bundle: str, commit: Commit, good: str, verdict: Verdict) -> tuple[Alert, ...]:
    """What holds of the bundle after a verdict; what it does not list is over.

    Args:
        bundle: its name.
        commit: that the verdict is on.
        good: full hash of the commit that stays where this one is refused.
        verdict: see drivetrain.dags.guard.
    """
    teams = dict(verdict.team_of)
    alerts = [
        Alert(
            kind=Kind.PUSH,
            subject=f"{bundle}/{note.dag_id or note.file}/{note.file}",
            severity=Severity.WARNING,
            team=teams.get(note.dag_id, PLATFORM),
            owner=commit.author,
            line=one_line(f"commit {commit.short} runs, but for: {_place(note)}"),
            fix=note.fix,
            page=f"/dags/{note.dag_id}" if note.dag_id else "",
            runbook=_NOTED,
        )
        for note in verdict.notes
    ]
    if verdict.is_refused:
        alerts.append(_refused(bundle, commit, good, verdict))
    return tuple({alert.key: alert for alert in alerts}.values())


def settled(
    bundle: str,
    known: Iterable[Entry],
    alerts: Sequence[Alert],
    routes: AlertRoutes,
    now: dt.datetime,
    *,
    is_judged: bool,
) -> Settled:
    """What to keep of a bundle's alerts, for the next round of a health check to tell.

    Args:
        bundle: its name; alerts of other bundles are left alone.
        known: entries that are not history, of any kind.
        alerts: what holds, by push_alerts.
        routes: who hears it.
        now: aware.
        is_judged: False: of faults of the commit that runs nothing is known, so those that were found still hold.
    """

    def is_ours(entry: Entry) -> bool:
        name, _, rest = entry.alert.subject.partition("/")
        return entry.alert.kind is Kind.PUSH and name == bundle and (is_judged or bool(_SHA.fullmatch(rest)))

    return settle(
        [entry for entry in known if is_ours(entry)],
        alerts,
        routes.channels_of,
        now,
        judged={Kind.PUSH},
        glimpsed=(),
        quiet_after=routes.quiet,
    )


def emitted(alerts: Iterable[Alert]) -> list[Measure]:
    """A gauge: 1 while a commit is refused."""
    refused = any(_SHA.fullmatch(alert.subject.partition("/")[2]) for alert in alerts)
    return [Measure("push_refused", int(refused))]


def _refused(bundle: str, commit: Commit, good: str, verdict: Verdict) -> Alert:
    first, more = verdict.refused[0], len(verdict.refused) - 1
    others = f", and {more} more" if more else ""
    many = len(verdict.stopped)
    stops = f"; it would stop {many} DAG{'s' * (many != 1)}: {', '.join(verdict.stopped[:5])}" if many else ""
    return Alert(
        kind=Kind.PUSH,
        subject=f"{bundle}/{commit.short}",
        severity=Severity.WARNING,
        # Whoever pushed it has to mend it; of several teams' DAGs nobody else is there for all.
        team=verdict.teams[0] if len(verdict.teams) == 1 else PLATFORM,
        owner=commit.author,
        line=one_line(
            f"commit {commit.short} ({commit.subject[:80]}) was refused, {good[:12]} goes on: "
            f"{_place(first)}{others}{stops}"
        ),
        fix=one_line(f"{first.fix}; or git revert {commit.short}, and push"),
        runbook=_REFUSED,
    )


def _place(problem: Problem) -> str:
    return f"{problem.where}: {problem.text}" if problem.file else problem.text


def import_alerts(errors: Mapping[str, str]) -> tuple[Alert, ...]:
    """Of Airflow's import errors.

    Args:
        errors: traceback by path in the bundle.
    """
    alerts = []
    for file, traceback in sorted(errors.items()):
        problem = of_error(file, traceback)
        alerts.append(
            Alert(
                kind=Kind.IMPORT,
                subject=file,
                severity=Severity.CRITICAL,
                team=PLATFORM,
                line=one_line(f"Airflow can't import {_place(problem)}: no DAG of this file runs"),
                fix=(
                    "give one of the two another dag_id"
                    if problem.code is Code.DUPLICATE
                    else "mend the line and push; if no push broke it, a new image did: roll that back"
                ),
                runbook=_IMPORT,
            )
        )
    return tuple(alerts)


def version_alerts(counts: Mapping[str, int], most: int) -> tuple[Alert, ...]:
    """Of DAGs with too many versions today, see drivetrain.dags.versions."""
    return tuple(
        Alert(
            kind=Kind.VERSIONS,
            subject=dag_id,
            severity=Severity.WARNING,
            team=PLATFORM,
            line=f"DAG {dag_id} got {count} new versions today, more than {most}: each parse may make one",
            fix="drivetrain dags check names the field that differs from parse to parse; take it out of the DAG",
            page=f"/dags/{dag_id}",
            runbook=_VERSIONS,
        )
        for dag_id, count in inflated(counts, most).items()
    )
