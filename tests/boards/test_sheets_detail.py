"""The page of one sync, and what hostile text may do to it: nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from boards.security import POLICY
from drivetrain.sheets.dispatch import KIND
from hooks.job_queue import job_queue
from tests.boards.test_sheets_list import DAY, HOUR, MINUTE, ran, register, update

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from tests.boards.conftest import Board

EVIL = """</title><script>alert(1)</script><img src=x onerror=alert(1)>"'><a href="javascript:alert(1)">{{ 7*7 }}"""


def reject(engine: Engine, sync: str, row: int, value: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO sheet_rejects VALUES (:s, 'run', :row, :c, :v, :v, :v, :v, :v)"),
            {"s": sync, "row": row, "c": f"COLUMN {value}", "v": value},
        )


def bury(board: Board, sync: str, reason: str) -> None:
    board.post(f"/sheets/{sync}/run", {"request_id": "c" * 32})
    queue = job_queue(KIND, state=board.state)
    (lease,) = queue.lease(seconds=60)
    queue.bury(lease, lease.deliveries[0], reason=reason)


def test_the_page_shows_facts_runs_rejects_and_what_was_given_up(board: Board, engine: Engine) -> None:
    register(board, "leads", "other", ago=10 * DAY)
    ran(board, "leads", 3 * HOUR, rows=12345, rows_changed=7)
    ran(board, "leads", HOUR, outcome="failed", error="query: no such column", attempt=3)
    ran(board, "other", HOUR, outcome="failed", error="somebody else's error")
    reject(engine, "leads", 5, "not a number")
    reject(engine, "other", 6, "somebody else's value")
    bury(board, "leads", "no sync is called so")
    page = board.get("/sheets/leads").text
    for text in ("12,345", "query: no such column", "attempt 3", "not a number", "no sync is called so", "0 * * * *"):
        assert text in page
    assert "somebody else" not in page
    assert "https://docs.google.com/spreadsheets/d/" in page
    assert 'href="/dags/sheets_sync_retail"' in page


def test_older_runs_are_pages_away_and_none_is_shown_twice(board: Board) -> None:
    register(board, "leads", ago=10 * DAY)
    for index in range(120):
        ran(board, "leads", (index + 1) * 5 * MINUTE)
    seen: list[str] = []
    address = "/sheets/leads"
    for size in (50, 50, 20):
        page = board.get(address).text
        found = re.findall(r"<td title=\"[^\"]+\">([\d-]+ [\d:]+ UTC)</td>", page)
        assert len(found) == size
        seen += found
        older = re.search(r'href="/drivetrain(/sheets/leads\?before=[^"]+)"', page)
        address = older[1].replace("&amp;", "&") if older else ""
    assert address == ""
    assert len(set(seen)) == 120
    assert board.get("/sheets/leads?before=nonsense").status_code == 200
    assert board.get("/sheets/leads?before=0001-01-01").status_code == 200
    assert board.get("/sheets/leads?before=9999-12-31T23:59:59").status_code == 200


@pytest.mark.parametrize(
    "path", ["/sheets", "/sheets/leads", "/sheets?q={evil}", "/sheets?team={evil}", "/sheets/{evil}"]
)
def test_hostile_text_stays_text(board: Board, engine: Engine, path: str) -> None:
    register(board, "leads", ago=10 * DAY)
    ran(board, "leads", HOUR, outcome="failed", error=EVIL)
    reject(engine, "leads", 5, EVIL)
    bury(board, "leads", EVIL)
    update(
        engine, "leads", description=EVIL, owner=EVIL, tab=EVIL, last_error=EVIL, cron=EVIL, timezone=EVIL, mode=EVIL,
        spreadsheet_id=EVIL, paused_by=EVIL, paused_at=board.state.now(), priority=EVIL, catch_up=EVIL,
    )  # fmt: skip
    evil = EVIL.replace("/", "" if path == "/sheets/{evil}" else "%2F")  # a name is one part of the path
    evil = evil.replace("{", "%7B").replace("#", "%23").replace('"', "%22")
    page = board.get(path.format(evil=evil))
    assert page.status_code in {200, 404}
    assert "alert(1)" in page.text or "alert%281%29" in page.text
    ours = ["theme.js", "boards.js", *(["plan.js"] if path == "/sheets/leads" else [])]
    files = re.findall(r'<script src="/drivetrain/static/([a-z.]+)"(?: defer)?>', page.text)
    assert (files, page.text.count("<script")) == (ours, len(ours))
    assert "<img" not in page.text
    assert 'href="javascript' not in page.text
    assert ">49" not in page.text


@pytest.mark.parametrize("path", ["/sheets", "/sheets/none", "/static/boards.js", "/static/none", "/nowhere"])
def test_every_answer_says_that_only_our_own_files_may_run(board: Board, path: str) -> None:
    headers = board.get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert headers["x-content-type-options"] == "nosniff"


def test_no_page_has_inline_script_or_style(board: Board, engine: Engine) -> None:
    register(board, "leads", ago=10 * DAY)
    ran(board, "leads", HOUR)
    for path in ("/sheets", "/sheets/leads", "/sheets/none"):
        page = board.get(path).text
        assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", page)
        assert "<style" not in page
