"""What can be asked of a running Airflow, and what each question takes: one line of the matrix each.

What Airflow's endpoints ask for is in its source, airflow.api_fastapi.core_api.routes, and how FAB answers in
airflow.providers.fab.auth_manager.fab_auth_manager: about what belongs to a DAG it takes the right on that and on the
DAG (to read it, or to edit it for all but GET); about all else, the right alone. tests/e2e/test_rbac_leaks.py asks all
of them as every role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from drivetrain.rbac.permissions import Permission

FLEET_DAG = "sheets_worker"  # as boards.access has it: who may read it sees what all teams share


class Scope(Enum):
    """What an answer is about."""

    OPEN = "anybody, without a login"
    LOGIN = "whoever is logged in"
    RIGHT = "the same for all who have the right"
    DAG = "one DAG, which the request names"
    LIST = "the DAGs that may be read, and no other"
    PAGE = "the same, and an empty page without any"


@dataclass(frozen=True)
class Surface:
    """One request.

    Attributes:
        family: what it is about.
        what: what it gives or does.
        method: GET and so on.
        path: below the address of Airflow; {dag}, {run}, {task}, {sync}, {view} stand for a team's.
        scope: what the answer is about.
        needs: rights besides that on the DAG.
        dag_action: what it takes on the DAG, where there is one.
        dag: the DAG that it is about, whatever the request names.
        body: JSON that is sent, with the same placeholders; as a form for our own pages.
        changes: it would change something for others where it is allowed: tests ask only those who may not.
        closed_by: a setting that closes it for everybody.
    """

    family: str
    what: str
    method: str
    path: str
    scope: Scope
    needs: frozenset[Permission] = frozenset()
    dag_action: str = "can_read"
    dag: str = ""
    body: Mapping[str, Any] | None = None
    changes: bool = False
    closed_by: str = ""

    @property
    def request(self) -> str:
        """For people."""
        return f"{self.method} {self.path}"


def _read(*resources: str) -> frozenset[Permission]:
    return _right("can_read", *resources)


def _right(action: str, *resources: str) -> frozenset[Permission]:
    return frozenset(Permission(action, resource) for resource in resources)


_RUN = "/api/v2/dags/{dag}/dagRuns/{run}"
_TASK = f"{_RUN}/taskInstances/{{task}}"
_EVERY_TASK = "/api/v2/dags/~/dagRuns/~/taskInstances"
_DAY = "2026-01-01T00:00:00Z"
_EDIT = "can_edit"

_DAGS = [
    Surface("DAGs", "list", "GET", "/api/v2/dags?limit=100", Scope.LIST),
    Surface(
        "DAGs",
        "list in the UI",
        "GET",
        "/ui/dags?limit=100",
        Scope.LIST,
        _read("DAG Runs", "HITL Detail", "Task Instances"),
    ),
    Surface("DAGs", "details", "GET", "/api/v2/dags/{dag}/details", Scope.DAG),
    Surface("DAGs", "tags", "GET", "/api/v2/dagTags?limit=100", Scope.LIST),
    Surface("DAGs", "source", "GET", "/api/v2/dagSources/{dag}", Scope.DAG, _read("DAG Code")),
    Surface("DAGs", "versions", "GET", "/api/v2/dags/{dag}/dagVersions", Scope.DAG, _read("DAG Versions")),
    Surface(
        "DAGs", "versions of all", "GET", "/api/v2/dags/~/dagVersions?limit=100", Scope.LIST, _read("DAG Versions")
    ),
    Surface("DAGs", "warnings", "GET", "/api/v2/dagWarnings", Scope.LIST, _read("DAG Warnings")),
    Surface("DAGs", "tasks", "GET", "/api/v2/dags/{dag}/tasks", Scope.DAG, _read("Task Instances")),
    Surface(
        "DAGs",
        "graph",
        "GET",
        "/ui/structure/structure_data?dag_id={dag}&external_dependencies=true",
        Scope.DAG,
        _read("DAG Dependencies", "Task Instances"),
    ),
    Surface("DAGs", "dependencies", "GET", "/ui/dependencies", Scope.LIST, _read("DAG Dependencies")),
    Surface("DAGs", "counts", "GET", "/ui/dashboard/dag_stats", Scope.LIST),
    Surface(
        "DAGs",
        "counts of runs",
        "GET",
        f"/ui/dashboard/historical_metrics_data?start_date={_DAY}",
        Scope.LIST,
        _read("DAG Runs", "Task Instances"),
    ),
    Surface(
        "DAGs",
        "pause, resume",
        "PATCH",
        "/api/v2/dags/{dag}",
        Scope.DAG,
        dag_action=_EDIT,
        body={"is_paused": False},
    ),
    Surface("DAGs", "delete", "DELETE", "/api/v2/dags/{dag}", Scope.DAG, dag_action="can_delete", changes=True),
]
_RUNS = [
    Surface("Runs", "of a DAG", "GET", "/api/v2/dags/{dag}/dagRuns", Scope.DAG, _read("DAG Runs")),
    Surface("Runs", "of all", "GET", "/api/v2/dags/~/dagRuns?limit=100", Scope.LIST, _read("DAG Runs")),
    Surface(
        "Runs", "of all, asked by POST", "POST", "/api/v2/dags/~/dagRuns/list", Scope.LIST, _read("DAG Runs"), body={}
    ),
    Surface("Runs", "one", "GET", _RUN, Scope.DAG, _read("DAG Runs")),
    Surface("Runs", "counts", "GET", "/api/v2/dagStats", Scope.LIST, _read("DAG Runs")),
    Surface("Runs", "grid", "GET", "/ui/grid/runs/{dag}", Scope.DAG, _read("DAG Runs", "Task Instances")),
    Surface(
        "Runs",
        "trigger",
        "POST",
        "/api/v2/dags/{dag}/dagRuns",
        Scope.DAG,
        _right("can_create", "DAG Runs"),
        _EDIT,
        body={"logical_date": None, "conf": {"syncs": ["no_such_sync"]}},  # refused by the DAG's parameters
    ),
    Surface("Runs", "note, mark", "PATCH", _RUN, Scope.DAG, _right(_EDIT, "DAG Runs"), _EDIT, body={"note": "seen"}),
    Surface(
        "Runs",
        "delete",
        "DELETE",
        "/api/v2/dags/{dag}/dagRuns/no_such_run",
        Scope.DAG,
        _right("can_delete", "DAG Runs"),
        _EDIT,
    ),
    Surface("Backfills", "of a DAG", "GET", "/api/v2/backfills?dag_id={dag}", Scope.DAG, _read("DAG Runs")),
    Surface("Backfills", "of all", "GET", "/ui/backfills", Scope.LIST, _read("DAG Runs")),
    Surface(
        "Backfills",
        "make (dry run)",
        "POST",
        "/api/v2/backfills/dry_run",
        Scope.DAG,
        _right("can_create", "DAG Runs"),
        _EDIT,
        body={"dag_id": "{dag}", "from_date": _DAY, "to_date": _DAY},
    ),
]
_TASKS = [
    Surface("Tasks", "of a run", "GET", f"{_RUN}/taskInstances", Scope.DAG, _read("DAG Runs", "Task Instances")),
    Surface("Tasks", "of all", "GET", f"{_EVERY_TASK}?limit=100", Scope.LIST, _read("DAG Runs", "Task Instances")),
    Surface(
        "Tasks",
        "of all, asked by POST",
        "POST",
        f"{_EVERY_TASK}/list",
        Scope.LIST,
        _read("DAG Runs", "Task Instances"),
        body={},
    ),
    Surface("Tasks", "links", "GET", f"{_TASK}/links", Scope.DAG, _read("DAG Runs", "Task Instances")),
    Surface(
        "Tasks",
        "clear (dry run)",
        "POST",
        "/api/v2/dags/{dag}/clearTaskInstances",
        Scope.DAG,
        _right(_EDIT, "DAG Runs", "Task Instances"),
        _EDIT,
        body={"dry_run": True, "dag_run_id": "{run}"},
    ),
    Surface("Logs", "of a try", "GET", f"{_TASK}/logs/1", Scope.DAG, _read("Task Logs")),
    Surface("XComs", "of a task", "GET", f"{_TASK}/xcomEntries", Scope.DAG, _read("XComs")),
    Surface("XComs", "one", "GET", f"{_TASK}/xcomEntries/return_value", Scope.DAG, _read("XComs")),
    Surface("XComs", "of all", "GET", f"{_EVERY_TASK}/~/xcomEntries?limit=100", Scope.LIST, _read("XComs")),
    Surface(
        "XComs",
        "write",
        "POST",
        f"{_TASK}/xcomEntries",
        Scope.DAG,
        _right("can_create", "XComs"),
        _EDIT,
        body={"key": "seen", "value": 1},
        changes=True,
    ),
]
_SHARED = [
    Surface("Assets", "list", "GET", "/api/v2/assets?limit=100", Scope.RIGHT, _read("Assets", "Asset Aliases")),
    Surface("Assets", "events", "GET", "/api/v2/assets/events?limit=100", Scope.RIGHT, _read("Assets")),
    Surface(
        "Assets",
        "make an event",
        "POST",
        "/api/v2/assets/events",
        Scope.RIGHT,
        _right("can_create", "Assets"),
        body={"asset_id": 2_000_000_000},
    ),
    Surface("Assets", "that a DAG waits for", "GET", "/ui/next_run_assets/{dag}", Scope.DAG, _read("Assets")),
    Surface("Variables", "list", "GET", "/api/v2/variables", Scope.RIGHT, _read("Variables")),
    Surface(
        "Variables",
        "write",
        "POST",
        "/api/v2/variables",
        Scope.RIGHT,
        _right("can_create", "Variables"),
        body={"key": "seen", "value": "1"},
        changes=True,
    ),
    Surface("Connections", "list", "GET", "/api/v2/connections", Scope.RIGHT, _read("Connections")),
    Surface(
        "Connections",
        "write",
        "POST",
        "/api/v2/connections",
        Scope.RIGHT,
        _right("can_create", "Connections"),
        body={"connection_id": "seen", "conn_type": "http"},
        changes=True,
    ),
    Surface("Pools", "list", "GET", "/api/v2/pools", Scope.RIGHT, _read("Pools")),
    Surface(
        "Pools",
        "write",
        "POST",
        "/api/v2/pools",
        Scope.RIGHT,
        _right("can_create", "Pools"),
        body={"name": "seen", "slots": 1},
        changes=True,
    ),
    Surface(
        "Configuration",
        "read",
        "GET",
        "/api/v2/config",
        Scope.RIGHT,
        _read("Configurations"),
        closed_by="[api] expose_config",
    ),
    Surface("Import errors", "list", "GET", "/api/v2/importErrors", Scope.RIGHT, _read("ImportError")),
    Surface("Audit log", "list", "GET", "/api/v2/eventLogs?limit=100", Scope.LIST, _read("Audit Logs")),
    Surface("Jobs", "list", "GET", "/api/v2/jobs?limit=100", Scope.RIGHT, _read("Jobs")),
    Surface("Plugins", "list", "GET", "/api/v2/plugins", Scope.RIGHT, _read("Plugins")),
    Surface("Providers", "list", "GET", "/api/v2/providers?limit=200", Scope.RIGHT, _read("Providers")),
    Surface("Users", "list", "GET", "/auth/fab/v1/users", Scope.RIGHT, _read("Users")),
    Surface("Roles", "list", "GET", "/auth/fab/v1/roles", Scope.RIGHT, _read("Roles")),
    Surface("UI", "menu", "GET", "/ui/auth/menus", Scope.LOGIN),
    Surface("UI", "settings of the pages", "GET", "/ui/config", Scope.LOGIN),
    Surface("Health", "of the parts", "GET", "/api/v2/monitor/health", Scope.OPEN),
    Surface("Health", "version", "GET", "/api/v2/version", Scope.OPEN),
]
_BOARDS = [
    Surface("Sheet syncs", "list", "GET", "/drivetrain/sheets", Scope.PAGE),
    Surface("Sheet syncs", "one", "GET", "/drivetrain/sheets/{sync}", Scope.DAG),
    Surface(
        "Sheet syncs",
        "sync now",
        "POST",
        "/drivetrain/sheets/{sync}/run",
        Scope.DAG,
        _right("can_create", "DAG Runs"),
        _EDIT,
        body={"request_id": "no id of ours"},
    ),
    Surface(
        "Sheet syncs",
        "pause, resume",
        "POST",
        "/drivetrain/sheets/{sync}/resume",
        Scope.DAG,
        dag_action=_EDIT,
        body={},
    ),
    Surface("Features", "list", "GET", "/drivetrain/features", Scope.PAGE),
    Surface("Features", "one", "GET", "/drivetrain/features/{view}", Scope.DAG),
    Surface("Quota", "page", "GET", "/drivetrain/quota", Scope.RIGHT, dag=FLEET_DAG),
]

SURFACES: tuple[Surface, ...] = (*_DAGS, *_RUNS, *_TASKS, *_SHARED, *_BOARDS)
