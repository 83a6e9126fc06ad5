from __future__ import annotations

import datetime as dt
from dataclasses import replace

from drivetrain.alerts.alert import Severity
from drivetrain.alerts.entry import Entry
from drivetrain.alerts.routes import AlertRoutes
from drivetrain.dags.alerts import emitted, import_alerts, push_alerts, settled, version_alerts
from drivetrain.dags.commit import Commit
from drivetrain.dags.guard import Verdict
from drivetrain.dags.problem import Code, Problem

BAD, GOOD = "b" * 40, "a" * 40
COMMIT = Commit(BAD, "Ada <ada@example.org>", "Break it")
PROBLEM = Problem(Code.IMPORT, "dags/a.py", 3, "ValueError: no", "mend the line")
NOTE = Problem(Code.BROKEN_SPEC, "include/specs/a.yaml", None, "colour: unknown key", "correct the key", "sync_retail")
REFUSED = Verdict(BAD, (PROBLEM, PROBLEM), stopped=("one", "two"), teams=("retail",))
ROUTES = AlertRoutes.model_validate({"channels": {"log": {"kind": "log"}}, "routes": {"default": ["log"]}})
NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)


def test_a_refused_commit_is_told_to_the_team_whose_dags_it_would_stop() -> None:
    (alert,) = push_alerts("drivetrain", COMMIT, GOOD, REFUSED)
    assert (alert.team, alert.owner, alert.severity) == ("retail", "Ada <ada@example.org>", Severity.WARNING)
    assert alert.line == (
        "commit bbbbbbbbbbbb (Break it) was refused, aaaaaaaaaaaa goes on: dags/a.py:3: ValueError: no, and 1 more; "
        "it would stop 2 DAGs: one, two"
    )
    assert alert.fix == "mend the line; or git revert bbbbbbbbbbbb, and push"
    assert [measure.value for measure in emitted([alert])] == [1]


def test_dags_of_several_teams_are_the_platforms_to_look_at() -> None:
    (alert,) = push_alerts("drivetrain", COMMIT, GOOD, replace(REFUSED, teams=("retail", "growth")))
    assert alert.team == "platform"


def test_a_broken_spec_is_told_to_its_team_while_the_commit_runs() -> None:
    alerts = push_alerts(
        "drivetrain", COMMIT, BAD, Verdict(BAD, notes=(NOTE, NOTE), team_of=(("sync_retail", "retail"),))
    )
    assert [(alert.team, alert.line) for alert in alerts] == [
        ("retail", "commit bbbbbbbbbbbb runs, but for: include/specs/a.yaml: colour: unknown key")
    ]
    assert [measure.value for measure in emitted(alerts)] == [0]


def known(verdict: Verdict) -> list[Entry]:
    return [
        Entry(alert, "log", NOW, NOW, NOW, told_at=NOW) for alert in push_alerts("drivetrain", COMMIT, GOOD, verdict)
    ]


def test_a_taken_commit_ends_the_alerts_of_the_one_before() -> None:
    now = settled("drivetrain", known(replace(REFUSED, notes=(NOTE,))), (), ROUTES, NOW, is_judged=True)
    assert [entry.over_at for entry in now.changed] == [NOW, NOW]


def test_after_a_start_only_what_is_known_ends() -> None:
    now = settled("drivetrain", known(replace(REFUSED, notes=(NOTE,))), (), ROUTES, NOW, is_judged=False)
    assert [entry.alert.subject for entry in now.changed] == ["drivetrain/bbbbbbbbbbbb"]


def test_alerts_of_another_bundle_stay() -> None:
    assert settled("other", known(REFUSED), (), ROUTES, NOW, is_judged=True).changed == ()


def test_an_import_error_and_piling_versions_are_told_with_what_to_do() -> None:
    (error,) = import_alerts({"dags/a.py": 'Traceback\n  File "dags/a.py", line 3, in <module>\nValueError: no\n'})
    assert error.line == "Airflow can't import dags/a.py:3: ValueError: no: no DAG of this file runs"
    assert error.severity is Severity.CRITICAL
    (piling,) = version_alerts({"much": 21, "well": 20}, 20)
    assert piling.line.startswith("DAG much got 21 new versions today, more than 20")
