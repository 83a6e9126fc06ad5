"""The board of sheet syncs in a real browser, within a real Airflow, under its FAB auth manager.

With DRIVETRAIN_WRITE_DOCS=1 the pictures of docs/BOARDS.md are made anew.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gspread
import httpx
import pytest
import sqlalchemy as sa

from drivetrain.quota.limits import Limits
from drivetrain.quota.port import Kind, Priority
from drivetrain.sheets.catalog import load_syncs
from drivetrain.state.syncs import PostgresRegistry
from hooks.sheets_quota import RedisQuota, redis_client
from standins.platform.secrets import ADMIN
from standins.sheets.testing import http_client
from tests.e2e.conftest import PICTURES, in_theme, makes_pictures, needs_browser, run_dag, state_of, token
from tests.support.board import TEAMS, fill
from tests.support.browser import Tab
from tests.support.sheets import credentials_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from standins.platform.testing import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]

FRAME = "document.querySelector('iframe[title=\"Sheet syncs\"]').contentDocument"
_REJECTS = sa.text(
    "INSERT INTO sheet_rejects "
    "SELECT sync, 'run', 17, 'BUDGET', 'not_a_number', 'C18', 'LEAD-4711', '12,5 lakh', '', :now "
    "FROM sheet_syncs ON CONFLICT DO NOTHING"
)
PASSWORD = "a-long-enough-password"


@pytest.fixture
def state(platform: LocalPlatform) -> Iterator[Engine]:
    """The platform's own state; the registry is empty, and is left so."""
    engine = state_of(platform)

    def clean() -> None:
        with engine.begin() as connection:
            connection.execute(
                sa.text("TRUNCATE sheet_syncs, sheet_specs, sheet_runs, sheet_rejects, jobs, job_groups")
            )

    clean()
    yield engine
    clean()
    engine.dispose()


@pytest.fixture
def three(state: Engine) -> None:
    """Three syncs; the first of them is paused soon, the second on time, the third failing and late."""
    fill(state, syncs=4, runs=60, days=10, now=dt.datetime.now(dt.UTC), teams=TEAMS[:3])
    with state.begin() as connection:
        connection.execute(sa.text("DELETE FROM sheet_syncs WHERE cron IS NULL"))


@pytest.fixture
def client(platform: LocalPlatform) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=platform.airflow_url, trust_env=False, timeout=30) as opened:
        yield opened


def user(client: httpx.Client, admin: str, platform: LocalPlatform, role: str) -> dict[str, str]:
    """The cookie of a user of FAB who has this role."""
    name = f"board-{role.lower()}"
    body = {
        "username": name,
        "password": PASSWORD,
        "email": f"{name}@drivetrain.example",
        "first_name": "Board",
        "last_name": role,
        "roles": [{"name": role}],
    }
    made = client.post("/auth/fab/v1/users", json=body, headers={"Authorization": f"Bearer {admin}"})
    assert made.status_code in {200, 201, 409}, made.text
    return {"Cookie": f"_token={token(platform, name, PASSWORD)}"}


def waiting(state: Engine) -> list[str]:
    with state.connect() as connection:
        return list(connection.execute(sa.text("SELECT payload->>'requested_by' FROM jobs")).scalars())


def test_nobody_is_sent_to_airflows_login_and_sees_nothing(client: httpx.Client, three: None) -> None:
    answer = client.get("/drivetrain/sheets", headers={"Sec-Fetch-Dest": "document"})
    assert answer.status_code == 302
    login = client.get(answer.headers["location"])
    assert login.status_code == 307
    assert "next=%2Fdrivetrain%2Fsheets" in login.headers["location"]
    assert client.get("/drivetrain/sheets").status_code == 401
    assert client.get("/drivetrain/sheets", headers={"Cookie": "_token=nonsense"}).status_code in {401, 403}
    assert client.get("/drivetrain/static/boards.css").status_code == 200


@pytest.mark.parametrize(("role", "rows", "may"), [("Public", 0, False), ("Viewer", 3, False), ("User", 3, True)])
def test_roles_of_fab_decide_what_is_shown_and_what_can_be_done(
    platform: LocalPlatform,
    client: httpx.Client,
    admin: str,
    state: Engine,
    three: None,
    role: str,
    rows: int,
    may: bool,
) -> None:
    cookie = user(client, admin, platform, role)
    page = client.get("/drivetrain/sheets", headers=cookie)
    assert (page.status_code, page.text.count("data-row>")) == (200, rows)
    sync = "growth_new_leads_0001"
    one = client.get(f"/drivetrain/sheets/{sync}", headers=cookie)
    assert one.status_code == (200 if rows else 404)
    assert [text in one.text for text in ("Sync now", "Preview plan", "Pause")] == [may] * 3
    # What the preview's button does is Airflow's to allow; a sync that the DAG does not have makes no run.
    plan = {"logical_date": None, "conf": {"syncs": ["no_such_sync"], "dry_run": True}}
    asked = client.post("/api/v2/dags/sheets_sync_growth/dagRuns", headers=cookie, json=plan)
    assert asked.status_code == (400 if may else 403)
    ours = cookie | {"Sec-Fetch-Site": "same-origin"}
    run = client.post(f"/drivetrain/sheets/{sync}/run", headers=ours, data={"request_id": "d" * 32})
    pause = client.post(f"/drivetrain/sheets/{sync}/pause", headers=ours)
    expected = 303 if may else 403 if rows else 404
    assert (run.status_code, pause.status_code) == (expected, expected)
    theirs = cookie | {"Sec-Fetch-Site": "cross-site"}
    assert client.post(f"/drivetrain/sheets/{sync}/pause", headers=theirs).status_code == 403
    assert len(waiting(state)) == int(may)


@needs_browser
def test_the_page_works_within_airflow_by_mouse_and_keyboard(
    platform: LocalPlatform, tab: Tab, state: Engine, three: None
) -> None:
    tab.open(f"{platform.airflow_url}/plugin/sheet-syncs")
    tab.wait_for(f"{FRAME}.querySelectorAll('[data-row]').length", 3)
    assert "late" in tab.run(f"{FRAME}.querySelector('[data-row] .badge').className")
    tab.run("document.querySelector('iframe[title=\"Sheet syncs\"]').contentWindow.focus()")
    tab.press("/")
    tab.wait_for(f"{FRAME}.activeElement.name", "q")
    tab.press("Escape")
    for key in ("j", "j", "j", "k"):
        tab.press(key)
    name = tab.run(f"{FRAME}.querySelector('tr.current [data-open]').textContent")
    assert name == tab.run(f"{FRAME}.querySelectorAll('[data-open]')[1].textContent")
    tab.press("Enter")
    tab.wait_for(f"{FRAME}.querySelector('.detail h1').textContent", name)
    tab.wait_for("location.pathname", f"/plugin/sheet-syncs/drivetrain/sheets/{name}")  # and can be shared

    tab.run(f"{FRAME}.querySelector('form[action$=\"/run\"] button').click()")
    assert "waits in the queue" in tab.wait(f"{FRAME}.querySelector('.notice').textContent")
    assert len(waiting(state)) == 1
    tab.run(f"{FRAME}.querySelector('form[action$=\"/pause\"] button').click()")
    tab.wait(f"{FRAME}.querySelector('form[action$=\"/resume\"] button')  !== null")
    tab.run(f"{FRAME}.querySelector('form[action$=\"/resume\"] button').click()")
    tab.wait(f"{FRAME}.querySelector('form[action$=\"/pause\"] button') !== null")

    # The frame may not leave itself; the page around it follows the link for it.
    tab.run(f"{FRAME}.querySelector('a[data-outside=top]').click()")
    tab.wait("location.pathname.startsWith('/dags/sheets_sync_')")
    assert [text for text in tab.complaints if "drivetrain" in text or "Content Security" in text] == []


LISTENS = sa.text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'drivetrain wakes'")


def listens(state: Engine) -> bool:
    with state.connect() as connection:
        return bool(connection.execute(LISTENS).scalar())


def watched(platform: LocalPlatform, state: Engine) -> dict[str, Any]:
    """The asset of new jobs, once the triggerer watches the queue for it."""
    (dag,) = [dag for dag in platform.api.items("dags", "dags") if dag["dag_id"] == "sheets_worker"]
    deadline = time.monotonic() + 60
    while True:
        found = [each for each in platform.api.items("assets", "assets") if each["name"] == "sheet-sync jobs"]
        if found and found[0]["watchers"]:
            if listens(state):
                return found[0]
        else:
            platform.api.put(f"parseDagFile/{dag['file_token']}")
        assert time.monotonic() < deadline, "nobody watches"
        time.sleep(0.5)


def test_sync_now_wakes_the_workers_within_seconds(
    platform: LocalPlatform, client: httpx.Client, admin: str, state: Engine, three: None
) -> None:
    platform.api.write("PATCH", "dags/sheets_worker", {"is_paused": False})
    asset = watched(platform, state)["id"]

    def events() -> list[dict[str, Any]]:
        every = platform.api.items("assets/events", "asset_events", asset_id=asset)
        return [each for each in every if each["source_dag_id"] is None]

    before = len(events())
    asked = time.monotonic()
    ours = {"Cookie": f"_token={admin}", "Sec-Fetch-Site": "same-origin"}
    run = client.post("/drivetrain/sheets/growth_new_leads_0001/run", headers=ours, data={"request_id": "e" * 32})
    assert run.status_code == 303, run.text
    while len(events()) == before:
        assert time.monotonic() - asked < 30, "the clock would take up to five minutes"
        time.sleep(0.1)
    print(f"from the click to the event that wakes: {time.monotonic() - asked:.1f} s")
    assert len(waiting(state)) == 1, "and the job is still in the queue"


@dataclass
class Played:
    """A clock that runs while somebody sleeps."""

    now: float

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def quota_was_used(platform: LocalPlatform) -> None:
    """A quarter of an hour of three accounts' calls, busy at its end, with a refusal, and nothing else in the count."""
    now = dt.datetime.now(dt.UTC).timestamp()
    played = Played(now - 960)
    client = redis_client(host="127.0.0.1", port=platform.layout.ports.redis, timeout_seconds=10)
    client.flushdb()
    quota = RedisQuota(client, Limits(), patience_seconds=600, clock=played.clock, sleep=played.sleep)
    accounts = [f"sync-{number}@drivetrain-bi.iam.gserviceaccount.com" for number in (1, 2, 3)]
    while played.now < now - 2:
        age = now - played.now
        busy = 9 if age < 70 else 4 + 3 * math.sin(age / 60) + 2 * math.sin(age / 17)
        for place, account in enumerate(accounts):
            for kind, share in ((Kind.READ, 1.0), (Kind.WRITE, 0.45)):
                for _ in range(round(busy * share / (1 + 0.5 * place))):
                    quota.take(kind, account, priority=Priority.HIGH)
        played.sleep(10 - (played.now - now + 960) % 10)
    quota.refused(Kind.WRITE, accounts[1], retry_after_seconds=40)


@needs_browser
def test_the_quota_is_live(platform: LocalPlatform, tab: Tab) -> None:
    ports = platform.layout.ports
    account = "live@quota-test.iam.gserviceaccount.com"
    quota = RedisQuota(redis_client(host="127.0.0.1", port=ports.redis, timeout_seconds=10), Limits())
    quota.take(Kind.WRITE, account)
    cell = f"[...document.querySelectorAll('.quota tr')].find(row => row.textContent.includes('{account}'))"
    writes = f"{cell}.querySelectorAll('.figure b')[1].textContent"
    tab.open(f"{platform.airflow_url}/drivetrain/quota")
    tab.wait_for(writes, "1")
    quota.take(Kind.WRITE, account)
    tab.run("document.dispatchEvent(new Event('visibilitychange'))")  # looked at again: it does not wait its seconds
    tab.wait_for(writes, "2")  # without a reload
    assert tab.complaints == []


PLANNED, PLANNED_DAG = "pricing_stale_listings", "sheets_sync_pricing"
PLAN_BUTTON = f"{FRAME}.querySelector('[data-plan]')"
PLAN_SAYS = f"{FRAME}.querySelector('#plan [role=status]').textContent"
_HISTORY = sa.text("UPDATE sheet_runs SET sync = :sync WHERE sync LIKE '%_0001'")
_STANDING = sa.text(
    "UPDATE sheet_syncs SET last_success_at = :now - interval '5 hours', last_due_at = :now - interval '5 hours', "
    "rows = 1014 WHERE sync = :sync"
)


@pytest.fixture
def edited(platform: LocalPlatform, state: Engine) -> gspread.Worksheet:
    """The tab of a sync of the demo: it was written, then people changed three rows, removed one and added one."""
    (sync,) = [sync for sync in load_syncs(platform.layout.repository / "include") if sync.spec.sync == PLANNED]
    now = dt.datetime.now(dt.UTC)
    fill(state, syncs=2, runs=60, days=10, now=now, teams=["pricing"])
    PostgresRegistry(state).register([sync], now)
    with state.begin() as connection:
        connection.execute(_HISTORY, {"sync": PLANNED})
        connection.execute(_STANDING, {"sync": PLANNED, "now": now})
    assert run_dag(platform, PLANNED_DAG, {"syncs": [PLANNED]})[PLANNED]["state"] == "success"
    account = credentials_of(platform.home / "sheets" / "accounts" / "sync-1.json")
    client = gspread.Client(auth=account, http_client=http_client(platform.sheets_url))
    tab = client.open_by_key(sync.spec.target.spreadsheet_id).worksheet(sync.spec.target.tab)
    tab.update([["sold, ask Ravi"]], "B2")
    tab.update([[1]], "F4")
    tab.update([["", 3]], "G6:H6")
    tab.delete_rows(9)
    tab.append_row(["typed by hand", "BLR", "Maruti Suzuki", "Swift", 2019])
    return tab


def preview(platform: LocalPlatform, tab: Tab) -> None:
    """Open the sync's page within Airflow and press the button."""
    tab.open(f"{platform.airflow_url}/plugin/sheet-syncs/drivetrain/sheets/{PLANNED}")
    tab.wait(f"{PLAN_BUTTON}.hidden === false")
    tab.run(f"{PLAN_BUTTON}.click()")


@needs_browser
def test_the_plan_is_previewed_with_the_users_own_login_and_changes_nothing(
    platform: LocalPlatform, tab: Tab, edited: gspread.Worksheet
) -> None:
    before = edited.get_all_values()
    platform.api.write("PATCH", f"dags/{PLANNED_DAG}", {"is_paused": True})
    preview(platform, tab)
    tab.wait(f"{PLAN_SAYS}.includes('{PLANNED_DAG} is paused')")
    platform.api.write("PATCH", f"dags/{PLANNED_DAG}", {"is_paused": False})
    said = tab.wait(f"{PLAN_SAYS}.includes('Nothing was written') && {PLAN_SAYS}", 90)
    assert said.startswith("5 rows would change. ")

    (run,) = [
        run
        for run in platform.api.items(f"dags/{PLANNED_DAG}/dagRuns", "dag_runs")
        if run["dag_run_id"].startswith("plan-")
    ]
    assert (run["triggering_user_name"], run["conf"]) == (ADMIN, {"syncs": [PLANNED], "dry_run": True})
    task = f"dags/{PLANNED_DAG}/dagRuns/{run['dag_run_id']}/taskInstances/workbook_{edited.spreadsheet_id}"
    plan = platform.api.read(f"{task}/xcomEntries/return_value")["value"][PLANNED]
    keys = ("rows_added", "rows_changed", "rows_deleted", "rows_edited", "rows_rejected")
    facts = tab.run(f"[...{FRAME}.querySelectorAll('#plan dd')].map(each => each.textContent)")
    assert [int(fact) for fact in facts[:5]] == [plan[key] for key in keys]
    assert facts[:3] == ["1", "3", "1"]
    assert facts[-1] == "1 (1.7% of an account's minute)"
    rows = tab.run(f"[...{FRAME}.querySelectorAll('#plan tbody tr')].map(row => row.innerText)")
    assert len(rows) == 5
    assert "sold, ask Ravi → " in rows[0]
    assert "the whole row" in rows[-1]

    assert edited.get_all_values() == before
    assert [text for text in tab.complaints if "drivetrain" in text or "Content Security" in text] == []
    tab.run(f"{FRAME}.querySelector('#plan [role=status] a').click()")
    tab.wait(f"location.pathname.startsWith('/dags/{PLANNED_DAG}/runs/{run['dag_run_id']}')")


@needs_browser
@makes_pictures
def test_pictures_of_a_plan(platform: LocalPlatform, tab: Tab, edited: gspread.Worksheet) -> None:
    for theme in ("light", "dark"):
        in_theme(tab, platform, theme)
        preview(platform, tab)
        tab.wait(f"{PLAN_SAYS}.includes('Nothing was written')", 90)
        tab.screenshot(PICTURES / f"board-plan-{theme}.png")


@needs_browser
def test_the_theme_is_airflows(platform: LocalPlatform, tab: Tab, three: None) -> None:
    back = "getComputedStyle(document.body).backgroundColor"
    tab.open(f"{platform.airflow_url}/drivetrain/sheets")
    tab.wait("document.querySelector('[data-row]') !== null")
    system = {}
    for theme in ("light", "dark"):
        tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        system[theme] = tab.run(back)
    assert system["light"] != system["dark"]
    for theme in ("light", "dark"):
        tab.run(f"localStorage.setItem('theme', '{theme}')")
        tab.open(f"{platform.airflow_url}/drivetrain/sheets?q={theme}")
        tab.wait_for("document.querySelector('input').value", theme)
        assert tab.run(back) == system[theme]
    assert tab.complaints == []


@needs_browser
def test_a_script_in_an_error_does_not_run(platform: LocalPlatform, tab: Tab, state: Engine, three: None) -> None:
    evil = "<img src=x onerror='window.evil=1'><script>window.evil=1</script>"
    with state.begin() as connection:
        connection.execute(
            sa.text("UPDATE sheet_syncs SET last_error = :evil, failures = 3, tab = :evil"), {"evil": evil}
        )
    tab.open(f"{platform.airflow_url}/drivetrain/sheets")
    tab.wait_for("document.querySelector('.error-line').textContent", evil)
    # Even what got past the escaping would be stopped by the policy.
    tab.run(f"document.body.insertAdjacentHTML('beforeend', {evil!r})")
    assert tab.wait("performance.now() > 500")
    assert tab.run("typeof window.evil") == "undefined"


@needs_browser
@makes_pictures
@pytest.mark.parametrize("syncs", [3, 2500])
def test_pictures(platform: LocalPlatform, tab: Tab, state: Engine, syncs: int) -> None:
    if syncs == 3:
        fill(state, syncs=4, runs=60, days=10, now=dt.datetime.now(dt.UTC), teams=TEAMS[:3])
        with state.begin() as connection:
            connection.execute(sa.text("DELETE FROM sheet_syncs WHERE cron IS NULL"))
    else:
        fill(state, syncs=syncs, runs=60, days=10, now=dt.datetime.now(dt.UTC))
    for theme in ("light", "dark"):
        in_theme(tab, platform, theme)
        tab.open(f"{platform.airflow_url}/plugin/sheet-syncs")
        tab.wait(f"{FRAME}.querySelectorAll('[data-row]').length")
        tab.wait("performance.now() > 2500")
        tab.screenshot(PICTURES / f"board-sheets-{syncs}-{theme}.png")
        assert (PICTURES / f"board-sheets-{syncs}-{theme}.png").stat().st_size < 300_000
        if syncs == 3:
            with state.begin() as connection:
                connection.execute(_REJECTS, {"now": dt.datetime.now(dt.UTC)})
            tab.run(f"{FRAME}.querySelector('[data-open]').click()")
            tab.wait(f"{FRAME}.querySelector('.detail h1').textContent")
            tab.screenshot(PICTURES / f"board-sheets-detail-{theme}.png")


@needs_browser
@makes_pictures
def test_pictures_of_the_quota(platform: LocalPlatform, tab: Tab) -> None:
    quota_was_used(platform)
    for theme in ("light", "dark"):
        in_theme(tab, platform, theme)
        tab.open(f"{platform.airflow_url}/plugin/sheet-syncs/drivetrain/quota")
        tab.wait(f"{FRAME}.querySelectorAll('.quota svg').length")
        tab.wait("performance.now() > 2500")
        tab.screenshot(PICTURES / f"board-quota-{theme}.png")
