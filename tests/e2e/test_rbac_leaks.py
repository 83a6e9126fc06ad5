"""Every request of the matrix as every role, against a real Airflow: what is allowed, refused, left out.

What another team has must be in no answer, wherever in its body: ids, names, addresses, runs, roles.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import sqlalchemy as sa

from drivetrain.rbac.catalog import load_rbac
from drivetrain.rbac.matrix import Column, Reach, columns, reach
from drivetrain.rbac.surfaces import SURFACES, Scope, Surface
from drivetrain.sheets.catalog import load_syncs
from standins.platform.layout import REPOSITORY
from standins.platform.secrets import ADMIN, Secrets
from tests.e2e.conftest import run_dag, state_of
from tests.support.board import fill
from tests.support.browser import CHROMIUM, browser_tab
from tests.support.feature_board import fill_view, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from standins.platform.testing import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]

RBAC = load_rbac(REPOSITORY / "include")
COLUMNS = columns(RBAC)
A, B = "retail", "lending"
VIEWS = {A: "dealer_quality", B: "applicant_behaviour"}
PASSWORD = "a-long-enough-password"


@dataclass(frozen=True)
class Team:
    """A team in the running platform: what requests name, and what must not be seen of it."""

    name: str
    run: str
    task: str
    sync: str
    view: str
    traces: frozenset[str]

    def fill_in(self, text: str) -> str:
        for key, value in {
            "dag": f"sheets_sync_{self.name}",
            "run": self.run,
            "task": self.task,
            "sync": self.sync,
            "view": self.view,
        }.items():
            text = text.replace(f"{{{key}}}", value)
        return text


@pytest.fixture(scope="module")
def teams(platform: LocalPlatform) -> Iterator[dict[str, Team]]:
    """Both teams have a run with its tasks, logs and results, syncs in the registry, and a feature view."""
    engine = state_of(platform)
    tables = "sheet_syncs, sheet_specs, sheet_runs, sheet_rejects, jobs, job_groups"
    tables += ", feature_views, feature_watermarks, feature_runs, feature_files, feature_loads, feature_audits"
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {tables}"))
    fill(engine, syncs=8, runs=20, days=5, now=dt.datetime.now(dt.UTC), teams=(A, B))
    with engine.connect() as connection:
        filled = connection.execute(sa.text("SELECT team, sync FROM sheet_syncs ORDER BY sync")).all()
    made = {}
    for team in (A, B):
        outcomes = run_dag(platform, f"sheets_sync_{team}", {"dry_run": True})
        specs = [sync.spec for sync in load_syncs(REPOSITORY / "include") if sync.spec.team == team]
        names = [row.sync for row in filled if row.team == team]
        first = outcomes[specs[0].sync]
        assert first["state"] == "success", first
        traces = {*RBAC.dags[team], f"team:{team}", f"team_{team}_", first["run_id"], *names}
        traces |= {value for spec in specs for value in (spec.sync, spec.owner, spec.target.spreadsheet_id)}
        view = spec_of(VIEWS[team], team=team)
        fill_view(engine, view, dt.datetime.now(dt.UTC))
        traces |= {view.view, view.owner}
        made[team] = Team(team, first["run_id"], first["task_id"], names[0], view.view, frozenset(traces))
    assert not made[A].traces & made[B].traces
    yield made
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {tables}"))
    engine.dispose()


@pytest.fixture(scope="module")
def client(platform: LocalPlatform) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=platform.airflow_url, trust_env=False, timeout=30) as opened:
        yield opened


def token(client: httpx.Client, name: str, password: str) -> str:
    answer = client.post("/auth/token", json={"username": name, "password": password})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["access_token"])


def login(platform: LocalPlatform, client: httpx.Client, *roles: str) -> str:
    """The token of a user who has these roles and no other."""
    admin = token(client, ADMIN, Secrets.of(platform.layout.secrets_file).admin_password)
    name = "-".join(["leak", *roles]).lower()
    body = {
        "username": name,
        "password": PASSWORD,
        "email": f"{name}@drivetrain.example",
        "first_name": "Some",
        "last_name": "One",
        "roles": [{"name": role} for role in roles],
    }
    made = client.post("/auth/fab/v1/users", json=body, headers={"Authorization": f"Bearer {admin}"})
    assert made.status_code in {200, 201, 409}, made.text
    return token(client, name, PASSWORD)


def ask(client: httpx.Client, bearer: str | None, surface: Surface, team: Team) -> httpx.Response:
    """One request of the matrix."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    content: dict[str, Any] = {}
    if surface.body is not None:
        body = json.loads(team.fill_in(json.dumps(surface.body)))
        content = {"data": body} if surface.path.startswith("/drivetrain") else {"json": body}
    return client.request(surface.method, team.fill_in(surface.path), headers=headers, **content)


class Judge:
    """Asks as one role, and notes what is not as the matrix has it.

    Args:
        asked: asks for one request of the matrix, about one team.
        refused: the status of a refusal.
        hidden: the teams of which no answer may show anything.
    """

    def __init__(self, asked: Callable[[Surface, Team], httpx.Response], refused: int, hidden: Sequence[Team]) -> None:
        self._asked, self._refused, self._hidden = asked, refused, hidden
        self.wrong: list[str] = []

    def expect(self, surface: Surface, how: Reach, team: Team, *, allowed: bool) -> None:
        answer = self._asked(surface, team)
        status = answer.status_code
        if not allowed:
            is_right = status == self._refused
            # A page of ours that may not be seen is one that is not there.
            is_right |= status == 404 and self._refused == 403 and surface.path.startswith("/drivetrain")
        elif surface.method == "GET":
            is_right = status == 200
        else:  # most ask for something that is not there, or is not well-formed: only whoever may ask is told so
            is_right = status not in {401, 403, 405} and status < 500
        said = f"{surface.request} about {team.name}: {how.value!r} in the matrix, and "
        if not is_right:
            self.wrong.append(f"{said}{status} {answer.text[:150]}")
        # An answer may say again what the request named.
        named = team.fill_in(surface.path) + team.fill_in(json.dumps(surface.body))
        for other in self._hidden:
            if seen := sorted(trace for trace in other.traces if trace in answer.text and trace not in named):
                self.wrong.append(f"{said}{seen[:3]} of {other.name} in the answer")


NO_ROLE = Column("no role", "Public", frozenset())
CASES = [
    *((column, team) for column in COLUMNS if column.is_of_a_team for team in (A, B)),
    *((column, A) for column in (*COLUMNS, NO_ROLE) if not column.is_of_a_team),
]


@pytest.mark.parametrize(
    ("column", "team"), CASES, ids=[f"{column.title} {team}".replace(" ", "-") for column, team in CASES]
)
def test_each_request_is_answered_as_the_matrix_says(
    platform: LocalPlatform, client: httpx.Client, teams: dict[str, Team], column: Column, team: str
) -> None:
    bearer = login(platform, client, column.role.format(team=team)) if column.role else None
    own, other = teams[team], teams[B if team == A else A]
    hidden = [other] if column.is_of_a_team else [] if column.permissions else [own, other]
    judge = Judge(partial(ask, client, bearer), 403 if bearer else 401, hidden)
    for surface in SURFACES:
        how = reach(column.permissions, surface)
        if surface.changes and how is not Reach.NO:
            continue
        judge.expect(surface, how, own, allowed=how is not Reach.NO)
        is_others = how is Reach.OWN and surface.scope is Scope.DAG
        judge.expect(surface, how, other, allowed=how is not Reach.NO and not is_others)
    assert judge.wrong == []


def test_a_team_sees_what_is_its_own(platform: LocalPlatform, client: httpx.Client, teams: dict[str, Team]) -> None:
    """Else everything might be left out of every list."""
    bearer = login(platform, client, f"team_{A}_viewer")
    own = teams[A]
    expected = {
        "DAGs: list": f"sheets_sync_{A}",
        "DAGs: list in the UI": f"sheets_sync_{A}",
        "DAGs: tags": f"team:{A}",
        "DAGs: source": "REDACTED",  # the file makes other teams' DAGs too
        "Runs: of all": own.run,
        "Runs: of all, asked by POST": own.run,
        "Tasks: of all": own.task,
        "Tasks: of all, asked by POST": own.task,
        "XComs: of all": own.task,
        "Logs: of a try": "content",
        "Sheet syncs: list": own.sync,
        "Sheet syncs: one": own.sync,
        "Features: list": own.view,
        "Features: one": own.view,
        "Plugins: list": "Sheet syncs",
    }
    by_name = {f"{surface.family}: {surface.what}": surface for surface in SURFACES}
    assert {what: text in ask(client, bearer, by_name[what], own).text for what, text in expected.items()} == (
        dict.fromkeys(expected, True)
    )


def test_an_operator_of_one_team_who_may_look_at_another_does_nothing_there(
    platform: LocalPlatform, client: httpx.Client, teams: dict[str, Team]
) -> None:
    """The right to trigger is for all DAGs at once in FAB; the right on the DAG is what keeps it to the team."""
    bearer = login(platform, client, f"team_{A}_operator", f"team_{B}_viewer")
    for surface in SURFACES:
        if surface.scope is Scope.DAG and surface.dag_action != "can_read":
            assert ask(client, bearer, surface, teams[B]).status_code == 403, surface.request
    run = next(surface for surface in SURFACES if (surface.family, surface.what) == ("Runs", "one"))
    assert [ask(client, bearer, run, teams[team]).status_code for team in (A, B)] == [200, 200]


SETTLED = (
    "(window.sameFor = window.asked === performance.getEntriesByType('resource').length"
    " ? (window.sameFor || 0) + 1 : 0, window.asked = performance.getEntriesByType('resource').length,"
    " window.sameFor > 20 && document.body.innerText.trim().length > 0)"
)
REQUESTS = "performance.getEntriesByType('resource').map(entry => entry.name)"
TEXT = (
    "[document.documentElement.outerHTML, ...[...document.querySelectorAll('iframe')]"
    ".map(frame => frame.contentDocument ? frame.contentDocument.documentElement.outerHTML : '')].join('\\n')"
)
NAV = "[...document.querySelectorAll('nav a, nav button, a[href], button')].map(one => one.textContent).join('|')"


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_in_the_browser_a_viewer_of_one_team_finds_no_trace_of_another(
    platform: LocalPlatform, client: httpx.Client, teams: dict[str, Team], tmp_path: Path
) -> None:
    bearer = login(platform, client, f"team_{A}_viewer")
    own, other = teams[A], teams[B]
    pages = {
        "/": "",
        "/dags": f"sheets_sync_{A}",
        f"/dags/sheets_sync_{A}": f"sheets_sync_{A}",
        f"/dags/sheets_sync_{A}/runs/{own.run}": own.task,
        "/dag_runs": own.run,
        "/task_instances": f"sheets_sync_{A}",
        "/assets": "",
        "/plugin/sheet-syncs": own.sync,
        "/drivetrain/sheets": own.sync,
        f"/drivetrain/sheets/{own.sync}": own.sync,
        "/plugin/features": own.view,
        "/drivetrain/features": own.view,
        f"/drivetrain/features/{own.view}": own.view,
        "/drivetrain/quota": "",
    }
    asked: set[str] = set()
    with browser_tab(tmp_path / "browser") as tab:
        cookie = {"name": "_token", "value": bearer, "url": platform.airflow_url, "httpOnly": True, "sameSite": "Lax"}
        tab.call("Network.setCookie", **cookie)
        for path, shows in pages.items():
            tab.open(f"{platform.airflow_url}{path}")
            tab.wait(SETTLED)
            if shows:
                tab.wait(f"{TEXT}.includes({json.dumps(shows)})")
            text = tab.run(TEXT)
            assert [trace for trace in sorted(other.traces) if trace in text] == [], path
            asked |= set(tab.run(REQUESTS))
            if path == "/dags":
                assert "Sheet syncs" in tab.run(NAV), "our pages are in the navigation"
    # What the pages asked for and did not show is in the browser too.
    calls = sorted(
        url for url in asked if url.startswith((f"{platform.airflow_url}/api/", f"{platform.airflow_url}/ui/"))
    )
    assert len(calls) > 10
    for url in calls:
        answer = client.get(url, headers={"Authorization": f"Bearer {bearer}"})
        assert [trace for trace in sorted(other.traces) if trace in answer.text] == [], url
