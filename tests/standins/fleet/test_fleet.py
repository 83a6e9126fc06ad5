"""The generated fleet: valid to the last spec, as busy as it says, and the same from the same seed."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
import yaml

from drivetrain.sheets.capacity import check_capacity
from drivetrain.sheets.catalog import Sync, load_syncs
from drivetrain.sheets.projection import output_columns, query_problems
from drivetrain.sheets.schedule import due_times
from drivetrain.spec_types import Schedule
from standins.fleet.cli import main
from standins.fleet.fleet import Fleet, draw_fleet
from standins.fleet.schedules import ZONE
from standins.fleet.write import write_fleet

SUNDAY = dt.datetime(2026, 11, 22, tzinfo=dt.UTC) - dt.timedelta(hours=5, minutes=30)  # midnight in India
MINUTE, WEEK = dt.timedelta(minutes=1), dt.timedelta(days=7)
SMALL = {"syncs": 60, "seed": 3, "scale": 0.02}


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return draw_fleet()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    write_fleet(draw_fleet(**SMALL), folder)
    return folder


def files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_sound(syncs: tuple[Sync, ...]) -> None:
    """What lint would say nothing of."""
    assert [problem for sync in syncs for problem in query_problems(sync.spec, sync.sql)] == []
    assert all(output_columns(sync.sql) == tuple(column.name for column in sync.spec.columns) for sync in syncs)
    found = check_capacity(syncs, dt.date(2026, 11, 23))
    assert found.late == ()
    assert found.sparse == ()


def test_a_small_fleet_loads_and_has_nothing_to_object_to(small: Path) -> None:
    syncs = load_syncs(small / "include")
    assert len(syncs) == SMALL["syncs"]
    is_sound(syncs)


@pytest.mark.slow
def test_2500_specs_load_and_have_nothing_to_object_to(fleet: Fleet, tmp_path: Path) -> None:
    write_fleet(fleet, tmp_path)
    syncs = load_syncs(tmp_path / "include")
    assert len(syncs) == 2_500
    is_sound(syncs)
    assert max(len(content) for content in files(tmp_path).values()) < 1_000_000


@pytest.mark.parametrize(
    ("syncs", "seed"), [(20, 1), (50, 1), (333, 5), pytest.param(2_500, 7, marks=pytest.mark.slow)]
)
def test_jobs_a_day_are_six_a_sync_within_a_hundredth(syncs: int, seed: int) -> None:
    drawn = draw_fleet(syncs, seed)
    schedules = Counter(sync.schedule for sync in drawn.syncs)
    jobs = 0
    for schedule, count in schedules.items():
        given = Schedule(cron=schedule.cron, timezone=ZONE)
        due = list(due_times(given, SUNDAY - MINUTE, SUNDAY + WEEK - MINUTE))
        assert [(at - SUNDAY) // MINUTE for at in due] == list(schedule.week), schedule.cron
        jobs += count * len(due)
    assert jobs / 7 == pytest.approx(6 * syncs, rel=0.01)
    assert drawn.jobs_a_day == jobs / 7


def test_every_day_of_the_week_is_about_as_busy(fleet: Fleet) -> None:
    days = Counter(minute // 1440 for sync in fleet.syncs for minute in sync.schedule.week)
    assert all(days[day] == pytest.approx(15_000, rel=0.01) for day in range(7))


def test_most_workbooks_are_small_and_a_few_are_very_large(fleet: Fleet) -> None:
    tabs = Counter(sync.workbook.spreadsheet_id for sync in fleet.syncs)
    assert 400 <= len(tabs) <= 600
    assert sum(count <= 8 for count in tabs.values()) > 0.85 * len(tabs)
    assert sum(count >= 60 for count in tabs.values()) >= 3
    assert {len(identifier) for identifier in tabs} == {44}
    cells = Counter()
    for sync in fleet.syncs:
        cells[sync.workbook.spreadsheet_id] += sync.cells
    assert max(cells.values()) < 6_000_000


def test_results_are_mostly_small_and_a_few_are_large(fleet: Fleet) -> None:
    rows = sorted(sync.query.rows for sync in fleet.syncs)
    assert rows[len(rows) // 2] < 100
    assert rows[0] >= 20
    assert 20_000 < rows[-1] <= 50_000
    assert sum(count > 1_000 for count in rows) > 50
    widths = [len(sync.query.columns) for sync in fleet.syncs]
    assert (min(widths), max(widths)) == (4, 30)


def test_the_fleet_has_every_mode_type_team_and_kind_of_schedule(fleet: Fleet) -> None:
    assert {sync.mode for sync in fleet.syncs} == {"replace", "append", "upsert", "mirror"}
    assert len({column.kind for sync in fleet.syncs for column in sync.query.columns}) == 11
    assert len({sync.team for sync in fleet.syncs}) == 10
    assert {sync.priority for sync in fleet.syncs} == {"low", "normal", "high"}
    assert {sync.catch_up for sync in fleet.syncs} == {"latest", "all", "skip"}
    kinds = Counter(sync.kind for sync in fleet.syncs)
    assert kinds.most_common(1)[0][0] == "morning"
    assert 0.05 * len(fleet.syncs) > kinds["quarter_hourly"] + kinds["half_hourly"] > 0


def test_one_sync_in_ten_asks_what_another_one_asks(fleet: Fleet) -> None:
    asked = Counter((sync.query.text, str(sync.query.parameters)) for sync in fleet.syncs)
    again = sum(asked.values()) - len(asked)
    assert again / len(fleet.syncs) == pytest.approx(0.1, abs=0.03)
    assert max(asked.values()) > 2


def test_names_targets_and_tables_are_each_unique(fleet: Fleet) -> None:
    names = [sync.name for sync in fleet.syncs]
    targets = [(sync.workbook.spreadsheet_id, sync.tab) for sync in fleet.syncs]
    assert len(set(names)) == len(set(targets)) == 2_500
    assert len({table.qualified for table in fleet.tables}) == len(fleet.tables) == 36
    assert sum(table.rows for table in fleet.tables) < 3_000_000


def test_the_same_seed_gives_the_same_files_and_another_seed_others(small: Path, tmp_path: Path) -> None:
    write_fleet(draw_fleet(**SMALL), tmp_path / "same")
    write_fleet(draw_fleet(**SMALL | {"seed": 4}), tmp_path / "other")
    assert files(tmp_path / "same") == files(small)
    assert not set(files(tmp_path / "other").values()) & set(files(small).values())
    assert draw_fleet() == draw_fleet()


def test_the_workbooks_to_create_are_those_that_are_written(small: Path) -> None:
    listed = yaml.safe_load((small / "workbooks.yaml").read_text(encoding="utf-8"))["workbooks"]
    written = {sync.spec.target.spreadsheet_id for sync in load_syncs(small / "include")}
    assert {workbook["id"] for workbook in listed} == written
    assert all(workbook["title"] for workbook in listed)


def test_the_command_says_what_the_fleet_is_like(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--out", str(tmp_path / "new"), "--syncs", "20", "--scale", "0.01"]
    main(arguments)
    told = capsys.readouterr().out
    assert "syncs:      20 of " in told
    assert "jobs a day: 1" in told
    assert len(told.split("busiest minutes:\n")[1].splitlines()) == 10
    with pytest.raises(SystemExit):
        main(arguments)
    assert "is not empty: name a new folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path / "few"), "--syncs", "19"])
