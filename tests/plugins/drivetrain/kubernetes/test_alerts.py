from __future__ import annotations

import datetime as dt
from dataclasses import replace

from drivetrain.alerts.alert import Kind, Severity
from drivetrain.kubernetes.alerts import OFTEN, PodEvent, pod_alerts
from drivetrain.kubernetes.failures import FailureKind, PodFailure

NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
OOM = PodFailure(FailureKind.OOM_KILLED, "pod sync-1: container base was killed", "use heavy (it has light)", False)
GONE = PodFailure(FailureKind.NODE_GONE, "pod sync-1: was deleted", "look", True)


def event(failure: PodFailure, minutes: int = 0, **more: str) -> PodEvent:
    base = PodEvent("sheets_load_retail", "stock", "manual__2026", NOW + dt.timedelta(minutes=minutes), failure.line)
    return replace(base, **more)  # type: ignore[arg-type]


def test_a_line_is_read_back_as_it_was_written() -> None:
    for failure in (OOM, GONE):
        assert PodFailure.parse(failure.line) == failure
        assert PodFailure.parse(f"{failure.line}; another pod is made for the same try") == failure
    assert PodFailure.parse("[oom_killed] something else") is None
    assert PodFailure.parse("[strange] what. Fix: this (it is tried again)") is None


def test_what_no_retry_helps_is_told_at_once_to_its_team_with_the_remedy_and_the_page() -> None:
    [alert] = pod_alerts([event(OOM)], {"sheets_load_retail": "retail"})
    assert (alert.kind, alert.severity, alert.team) == (Kind.POD, Severity.CRITICAL, "retail")
    assert alert.line == "task sheets_load_retail.stock: pod sync-1: container base was killed"
    assert alert.fix == "use heavy (it has light)"
    assert alert.page == "/dags/sheets_load_retail/runs/manual__2026/tasks/stock"
    assert alert.runbook == "pods.md#oom-killed"


def test_what_is_tried_again_is_told_when_it_happens_often() -> None:
    events = [event(GONE, minutes) for minutes in range(OFTEN)]
    assert pod_alerts(events[1:], {}) == ()
    [alert] = pod_alerts(events, {})
    assert (alert.severity, alert.team, alert.since) == (Severity.WARNING, "platform", NOW)
    assert alert.line.endswith(f"({OFTEN} times)")


def test_each_task_and_class_is_an_alert_of_its_own_and_what_is_not_ours_is_left_out() -> None:
    events = [event(OOM), event(OOM, 1), event(OOM, task_id="prices"), event(OOM, line="somebody wrote this")]
    assert [alert.subject for alert in pod_alerts(events, {})] == [
        "sheets_load_retail/prices/oom_killed",
        "sheets_load_retail/stock/oom_killed",
    ]
