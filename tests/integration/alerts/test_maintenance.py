"""Pruning on a real Postgres with two years of months."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.sdk.exceptions import AirflowFailException

from drivetrain.alerts.entry import seen
from drivetrain.errors import UnavailableError
from drivetrain.features.audit import Audited
from drivetrain.features.landing import LandedFile
from drivetrain.features.window import Window
from drivetrain.jobs.postgres import PostgresQueue
from drivetrain.jobs.queue import Job
from drivetrain.sheets.catalog import Sync
from drivetrain.sheets.dispatch import KIND
from drivetrain.sheets.memory import Remembered
from drivetrain.sheets.spec import SheetSyncSpec
from drivetrain.state import maintenance
from drivetrain.state.alerts import PostgresAlerts
from drivetrain.state.features import FileOutcome, PostgresFeatureFiles, PostgresFeatureRuns, RunKind
from drivetrain.state.job_tables import job_dead_letters
from drivetrain.state.maintenance import Keep, Pruned, maintain, months_ago
from drivetrain.state.memory import PostgresMemory
from drivetrain.state.partitions import ensure_months
from drivetrain.state.syncs import PostgresRegistry
from drivetrain.state.tables import sheet_memory_rows, sheet_rejects
from operators.state_maintenance import StateMaintenanceOperator
from tests.support.alerts import DAY, NOON, alert
from tests.support.operators import Context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

MONTHS = "SELECT relname FROM pg_class WHERE relname ~ '^sheet_runs_[0-9]{4}_[0-9]{2}$' ORDER BY 1"
NOTHING = Pruned(
    months=0,
    rejects=0,
    dead_letters=0,
    alerts=0,
    feature_runs=0,
    feature_files=0,
    feature_loads=0,
    feature_audits=0,
    memories=0,
)


@pytest.fixture
def history(engine: Engine) -> Iterator[Engine]:
    """24 months of runs; 3 + 2 rejects, 1 + 1 dead letters, alerts that are over, feature runs, files and
    audits, 1 + 2 memories: old + young."""
    with engine.begin() as connection:
        ensure_months(connection, "sheet_runs", [months_ago(NOON, back) for back in range(24)])
        for number in range(5):
            row = {"sync": "s", "run_id": "r", "row_number": number, "column_name": "", "reason": "null_key"}
            row |= {"address": "", "row_key": "", "value": "", "detail": ""}
            at = NOON - (91 if number < 3 else 89) * DAY
            connection.execute(sa.insert(sheet_rejects).values(**row, rejected_at=at))
    for key, at in (("old", NOON - 31 * DAY), ("young", NOON - 29 * DAY)):
        queue = PostgresQueue(engine, kind=KIND, clock=lambda at=at: at)  # type: ignore[misc]
        queue.publish([Job(key, key, KIND)])
        (lease,) = queue.lease(seconds=60)
        queue.bury(lease, lease.deliveries[0], reason="x")
        entry = seen(None, alert(key), "ops", at)
        PostgresAlerts(engine).keep([entry, seen(None, alert(f"{key} and on"), "ops", at)])
        PostgresAlerts(engine).keep([replace(entry, over_at=at, over_told_at=at)])
    views, files = (kind(engine, "marketplace", "cars") for kind in (PostgresFeatureRuns, PostgresFeatureFiles))
    for run_id, at in (("old", NOON - 91 * DAY), ("young", NOON - 89 * DAY)):
        views.staged(run_id, RunKind.NEWS, Window(until=at), now=at, rows=1, bins={})
        facts = {"rows": 1, "rejected": 0, "landed_at": at, "now": at}
        files.done(LandedFile("landing", run_id, 1), FileOutcome.LOADED, **facts)
        views.audited(run_id, Audited(1, 0, 0, 0, {}, ()), now=at)
    syncs = _remember(engine, ["left", "going", "gone"])
    for count, days in ((3, 40), (2, 31), (1, 29)):
        PostgresRegistry(engine).register(syncs[:count], NOON - days * DAY)
    yield engine
    with engine.begin() as connection:
        for name in connection.execute(sa.text(MONTHS)).scalars().all():
            connection.execute(sa.text(f"DROP TABLE {name}"))


def _remember(engine: Engine, names: list[str]) -> list[Sync]:
    """Specs of those names; something is remembered of each."""
    text = {"description": "x", "team": "ops", "owner": "a@b.c", "source": {"query": "select 1"}, "mode": "replace"}
    columns = [{"name": "ID", "type": "integer"}]
    for name in names:
        PostgresMemory(engine).save([Remembered(name, "5ec", "v", NOON, "d", "t", b"rows", 1, NOON)])
    return [
        Sync(
            SheetSyncSpec.model_validate(
                {"sync": name, "target": {"spreadsheet_id": "a" * 30, "tab": name}, "columns": columns, **text}
            ),
            "select 1",
        )
        for name in names
    ]


def months(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return [name.removeprefix("sheet_runs_") for name in connection.execute(sa.text(MONTHS)).scalars()]


def test_what_is_old_goes_and_the_next_month_is_there(history: Engine) -> None:
    gone = maintain(history, Keep(), NOON)
    assert gone == Pruned(
        months=10,
        rejects=3,
        dead_letters=1,
        alerts=1,
        feature_runs=1,
        feature_files=1,
        feature_loads=0,
        feature_audits=1,
        memories=1,
    )
    left = months(history)
    assert (left[0], left[-1], len(left)) == ("2025_10", "2026_12", 15), "13 before this month, this one and the next"
    assert maintain(history, Keep(), NOON) == NOTHING, "a second time there is nothing to do"
    with history.connect() as connection:
        assert connection.execute(sa.select(job_dead_letters.c.key)).scalars().all() == ["young"]
        assert len(connection.execute(sa.select(sheet_rejects)).all()) == 2
        rows = connection.execute(sa.select(sheet_memory_rows.c.sync)).scalars().all()
    assert sorted(PostgresMemory(history).load(["left", "going", "gone"])) == sorted(rows) == ["going", "left"]
    assert len(PostgresAlerts(history).current()) == 2, "what is still on stays, however old"


def test_a_dry_run_counts_the_same_and_changes_nothing(history: Engine) -> None:
    before = months(history)
    counted = maintain(history, Keep(months=3, reject_days=1), NOON, dry_run=True)
    assert counted == Pruned(
        months=20,
        rejects=5,
        dead_letters=1,
        alerts=1,
        feature_runs=1,
        feature_files=1,
        feature_loads=0,
        feature_audits=1,
        memories=1,
    )
    assert months(history) == before
    assert maintain(history, Keep(months=3, reject_days=1), NOON) == counted


def test_many_rows_go_in_several_transactions(history: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "ROWS_AT_ONCE", 2)
    assert maintain(history, Keep(reject_days=1), NOON).rejects == 5


def test_somebody_who_reads_a_month_is_not_waited_for_and_the_next_run_goes_on(
    history: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "LOCK_SECONDS", "0.1")
    with history.connect() as reader:
        reader.execute(sa.text("SELECT * FROM sheet_runs_2024_12"))
        with pytest.raises(UnavailableError, match="lock timeout"):
            maintain(history, Keep(), NOON)
        assert len(months(history)) == 25
    assert maintain(history, Keep(), NOON).months == 10


def test_months_are_counted_over_the_turn_of_a_year() -> None:
    january = dt.datetime(2026, 1, 31, 23, 30, tzinfo=dt.timezone(dt.timedelta(hours=-5)))
    assert months_ago(january, 0) == dt.datetime(2026, 2, 1, tzinfo=dt.UTC), "UTC is in February"
    assert months_ago(january, 2) == dt.datetime(2025, 12, 1, tzinfo=dt.UTC)
    assert months_ago(NOON, -1) == dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    assert months_ago(months_ago(NOON, -1), -1) == dt.datetime(2027, 1, 1, tzinfo=dt.UTC)


def test_nothing_is_kept_for_no_time() -> None:
    with pytest.raises(ValueError, match="reject_days: 0 is less than 1"):
        Keep(reject_days=0)


def run(**params: Any) -> dict[str, Any]:
    return StateMaintenanceOperator(task_id="prune").execute(Context(**params))


def test_the_operator_takes_the_runs_parameters(history: Engine) -> None:
    would = run(keep_months=1, reject_days=36_500, dry_run=True)
    assert would["dry_run"] is True
    assert would["rejects"] == 0, "a hundred years have not passed"
    assert set(would) == {
        "months",
        "rejects",
        "dead_letters",
        "alerts",
        "feature_runs",
        "feature_files",
        "feature_loads",
        "feature_audits",
        "memories",
        "dry_run",
    }
    with pytest.raises(AirflowFailException, match="unknown key keep_month; known: alert_days"):
        run(keep_month=1)
