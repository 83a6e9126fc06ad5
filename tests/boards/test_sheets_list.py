"""The list: standing, order, search, pages."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from boards.sheets.filters import Filters, Sort, Standing
from drivetrain.sheets.catalog import Sync
from drivetrain.sheets.dispatch import Trigger
from drivetrain.sheets.registry import RunRecord
from tests.boards.conftest import User
from tests.support.board import TEAMS, fill
from tests.support.sheets import sync_spec

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from tests.boards.conftest import Board

MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


def register(board: Board, *names: str, ago: dt.timedelta = HOUR, **changes: Any) -> None:
    specs = [
        sync_spec(**({"sync": name, "team": "retail", "schedule": {"cron": "0 * * * *"}, "freshness": "2h"} | changes))
        for name in names
    ]
    board.state.registry.register([Sync(spec, "SELECT 1") for spec in specs], board.state.now() - ago)


def ran(board: Board, name: str, ago: dt.timedelta, **changes: Any) -> None:
    at = board.state.now() - ago
    fields: dict[str, Any] = {
        "sync": name,
        "job_key": f"{name}@{at.isoformat()}",
        "due_at": at,
        "trigger": Trigger.SCHEDULE,
        "attempt": 1,
        "started_at": at,
        "finished_at": at + dt.timedelta(seconds=2),
        "outcome": "written",
        "is_final": True,
        "rows": 1234,
        "write_calls": 1,
    }
    board.state.registry.record([RunRecord(**fields | changes)])


def update(engine: Engine, sync: str, **values: Any) -> None:
    columns = ", ".join(f"{name} = :{name}" for name in values)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE sheet_syncs SET {columns} WHERE sync = :sync"), values | {"sync": sync})


def names(page: Any) -> list[str]:
    assert page.status_code == 200, page.text
    return re.findall(r'data-open href="/drivetrain/sheets/([a-z0-9_]+)"', page.text)


@pytest.fixture
def five(board: Board, engine: Engine) -> None:
    register(board, "fresh", "failing", "later", "latest", "paused", ago=10 * DAY)
    for name, age in {"fresh": 30, "failing": 40, "later": 150, "latest": 600, "paused": 900}.items():
        ran(board, name, age * MINUTE)
    ran(board, "failing", 5 * MINUTE, outcome="failed", error="sync failing: the tab is gone", write_calls=0)
    board.state.registry.pause("paused", by="ravi", now=board.state.now())


@pytest.mark.usefixtures("five")
def test_the_late_ones_come_first_the_worst_of_them_on_top_and_the_paused_last(board: Board) -> None:
    page = board.get("/sheets")
    assert names(page) == ["latest", "later", "failing", "fresh", "paused"]
    assert [int(number) for number in re.findall(r"<b>([\d,]+)</b>", page.text)] == [5, 2, 1, 1, 1]
    assert "sync failing: the tab is gone" in page.text
    assert "paused by ravi" in page.text


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("standing=late", ["latest", "later"]),
        ("standing=failing", ["failing"]),
        ("standing=ok", ["fresh"]),
        ("standing=paused", ["paused"]),
        ("standing=nonsense", ["latest", "later", "failing", "fresh", "paused"]),
        ("reverse=1", ["paused", "fresh", "failing", "later", "latest"]),
        ("sort=sync", ["failing", "fresh", "later", "latest", "paused"]),
        ("sort=sync&reverse=1", ["paused", "latest", "later", "fresh", "failing"]),
        ("sort=age", ["paused", "latest", "later", "failing", "fresh"]),
        ("q=lat", ["latest", "later"]),
        ("q=LATEST", ["latest"]),
        ("q=l%25t", []),
        ("q=_", []),
        ("q=retail_", []),
        ("page=2", []),
        ("page=-1&sort=';drop", ["latest", "later", "failing", "fresh", "paused"]),
        ("q=%00late", ["latest", "later"]),
        ("page=99999999999999999999", ["latest", "later", "failing", "fresh", "paused"]),
        ("page=٣", []),
    ],
)
def test_what_is_asked_for_is_what_is_shown(board: Board, query: str, expected: list[str]) -> None:
    assert names(board.get(f"/sheets?{query}")) == expected


def test_a_sync_is_late_from_its_objective_on_and_one_without_a_schedule_never(board: Board, engine: Engine) -> None:
    register(board, "scheduled", "demanded", ago=10 * DAY)
    update(engine, "demanded", cron=None, timezone=None)
    ran(board, "scheduled", 119 * MINUTE)
    ran(board, "demanded", 5 * DAY)
    assert names(board.get("/sheets?standing=late")) == []
    update(engine, "scheduled", last_success_at=board.state.now() - 121 * MINUTE)
    assert names(board.get("/sheets?standing=late")) == ["scheduled"]


def test_a_new_sync_is_not_late_before_it_could_have_run(board: Board, engine: Engine) -> None:
    register(board, "young", ago=HOUR)
    page = board.get("/sheets")
    assert names(board.get("/sheets?standing=ok")) == ["young"]
    assert "never" in page.text
    assert "no runs yet" in page.text
    update(engine, "young", registered_at=board.state.now() - 3 * HOUR)
    assert names(board.get("/sheets?standing=late")) == ["young"]


def test_a_sync_that_left_git_is_not_shown(board: Board) -> None:
    register(board, "stays", "goes")
    register(board, "stays")
    assert names(board.get("/sheets")) == ["stays"]
    assert board.get("/sheets/goes").status_code == 404


def test_a_sparkline_shows_the_last_thirty_runs_in_their_order(board: Board) -> None:
    register(board, "busy", ago=10 * DAY)
    for index in range(40):
        bad = index == 3
        ran(board, "busy", (index + 1) * HOUR, outcome="failed" if bad else "unchanged", write_calls=0 if bad else 2)
    page = board.get("/sheets").text
    kinds = re.findall(r'<rect class="(good|bad)" x="(\d+)"', page)
    assert len(kinds) == 30
    assert [kind for kind, _ in kinds].index("bad") == 26
    assert [int(x) for _, x in kinds] == list(range(0, 120, 4))
    assert "29 of the last 30 runs went well" in page
    assert re.search(r'title="2[34] runs were due">4[46]</td>', page), "writes of a day, not of all time"


def test_fifty_a_page_each_sync_once_and_the_filters_stay(board: Board, engine: Engine) -> None:
    fill(engine, syncs=220, runs=2, days=1, now=board.state.now())
    board.user = User(rights={team: {"read"} for team in TEAMS})
    seen: list[str] = []
    for number, size in ((1, 50), (2, 50), (3, 50), (4, 50), (5, 20), (6, 0)):
        found = names(board.get(f"/sheets?page={number}&sort=rows"))
        assert len(found) == size
        seen += found
    assert len(set(seen)) == 220
    page = board.get("/sheets?team=retail&sort=writes&q=retail").text
    assert len(set(names(board.get("/sheets?team=retail")))) == 28
    assert "sort=rows" in page
    assert "team=retail" in page


def test_every_order_and_direction_answers(board: Board, engine: Engine) -> None:
    fill(engine, syncs=60, runs=3, days=1, now=board.state.now(), teams=["retail"])
    for sort in Sort:
        for reverse in ("", "1"):
            assert len(names(board.get(f"/sheets?sort={sort}&reverse={reverse}"))) == 50


def test_an_address_says_what_differs_from_what_everybody_sees() -> None:
    assert Filters().address() == ""
    filters = Filters(search="a&b", standing=Standing.LATE, page=3)
    assert Filters.parse({"q": "a&b", "standing": "late", "page": "3"}) == filters
    assert filters.address() == "?q=a%26b&standing=late&page=3"
    assert filters.by("rows") == Filters(search="a&b", standing=Standing.LATE, sort=Sort.ROWS)
    assert filters.by("rows").by("rows").reverse
    assert not filters.by("rows").by("rows").by("rows").reverse


def test_the_list_opens_no_month_that_no_sparkline_reaches(board: Board, engine: Engine) -> None:
    now = board.state.now()
    fill(engine, syncs=20, runs=400, days=365, now=now)
    board.user = User(rights={team: {"read"} for team in TEAMS})
    statements: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        statements.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        board.get("/sheets?sort=writes")
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    opened: set[str] = set()
    with engine.connect() as connection:
        for statement, parameters in statements:
            if "sheet_runs" in statement:
                plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars()
                opened |= set(re.findall(r"on sheet_runs_(\d{4}_\d\d)", " ".join(plan)))
    assert opened <= {f"{now - days * DAY:%Y_%m}" for days in range(-1, 91)}
    assert opened
