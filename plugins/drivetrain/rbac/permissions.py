"""The permissions that Airflow's FAB auth manager asks for, and what its own roles have of them.

FAB creates a permission of any name that it is given, without a word. So the names are a closed list here; a test holds
it against the installed provider. What they mean:
https://airflow.apache.org/docs/apache-airflow-providers-fab/stable/auth-manager/access-control.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

DAGS = "DAGs"
DAG_PREFIX = "DAG:"


class Permission(NamedTuple):
    """An action on a resource, by FAB's names for them."""

    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"

    @property
    def dag_id(self) -> str | None:
        """The one DAG that it is about, if it is about one."""
        return self.resource.removeprefix(DAG_PREFIX) if self.resource.startswith(DAG_PREFIX) else None


def on_dag(action: str, dag_id: str) -> Permission:
    """The permission to do something with one DAG."""
    return Permission(action, f"{DAG_PREFIX}{dag_id}")


def _pairs(table: Mapping[str, str]) -> frozenset[Permission]:
    return frozenset(Permission(action, resource) for resource, actions in table.items() for action in actions.split())


VIEWER = _pairs(
    {
        DAGS: "can_read menu_access",
        "DAG Code": "can_read",
        "DAG Dependencies": "can_read menu_access",
        "DAG Runs": "can_read menu_access",
        "DAG Versions": "can_read",
        "DAG Warnings": "can_read",
        "Task Instances": "can_read menu_access",
        "Task Logs": "can_read",
        "XComs": "can_read",
        "HITL Detail": "can_read",
        "Assets": "can_read menu_access",
        "Asset Aliases": "can_read",
        "Backfills": "can_read",
        "Cluster Activity": "can_read menu_access",
        "ImportError": "can_read",
        "Jobs": "can_read menu_access",
        "Pools": "can_read",
        "SLA Misses": "can_read menu_access",
        "My Password": "can_read can_edit",
        "My Profile": "can_read can_edit",
        "Website": "can_read",
        "Browse": "menu_access",
        "Docs": "menu_access",
        "Documentation": "menu_access",
    }
)
USER = VIEWER | _pairs(
    {
        DAGS: "can_edit can_delete",
        "DAG Runs": "can_create can_edit can_delete",
        "Task Instances": "can_create can_edit can_delete",
        "HITL Detail": "can_edit",
        "Assets": "can_create",
    }
)
OP = USER | _pairs(
    {
        "Admin": "menu_access",
        "Assets": "can_edit can_delete",
        "Backfills": "can_create can_edit can_delete",
        "Configurations": "can_read menu_access",
        "Connections": "can_create can_read can_edit can_delete menu_access",
        "HITL Detail": "menu_access",
        "Plugins": "can_read menu_access",
        "Pools": "can_create can_edit can_delete menu_access",
        "Providers": "can_read menu_access",
        "Variables": "can_create can_read can_edit can_delete menu_access",
        "XComs": "can_create can_edit can_delete menu_access",
    }
)
ADMIN = OP | _pairs(
    {
        "All Audit Logs": "can_read",
        "All Import Errors": "can_read",
        "All Reparses": "can_read",
        "Audit Logs": "can_read menu_access",
        "Passwords": "can_read can_edit",
        "Roles": "can_read can_edit",
        "Task Reschedules": "can_read menu_access",
        "Triggers": "can_read menu_access",
    }
)

ADMIN_ROLE = "Admin"
BUILTIN: Mapping[str, frozenset[Permission]] = {
    "Public": frozenset(),
    "Viewer": VIEWER,
    "User": USER,
    "Op": OP,
    ADMIN_ROLE: ADMIN,
}
KNOWN = ADMIN
"""Every permission that a spec may name, besides those on single DAGs."""

# FAB gives it to every role that is not its own, at each start: without it nobody gets past the login.
HOMEPAGE = Permission("can_read", "Website")

# What belongs to a DAG: Airflow asks for the right on the DAG as well, and leaves other DAGs' out of lists.
PER_DAG = frozenset(
    {
        "DAG Code",
        "DAG Dependencies",
        "DAG Runs",
        "DAG Versions",
        "DAG Warnings",
        "HITL Detail",
        "Task Instances",
        "Task Logs",
        "XComs",
    }
)
# The same for everybody, and about nobody's DAG. Plugins: without it Airflow's navigation has no entries of ours.
_COMMON = frozenset({"Browse", "Docs", "Documentation", "My Password", "My Profile", "Plugins", "Website"})


def leak_of(permission: Permission) -> str | None:
    """Why a team's role may not have a permission: one line; None: it may.

    FAB decides per DAG about DAGs and what belongs to them. All else is all or nothing, for every team at once.
    """
    if permission.resource == DAGS:
        return None if permission.action == "menu_access" else "is about the DAGs of every team; use the key dags"
    if permission.resource in PER_DAG or permission.resource in _COMMON:
        return None
    return "can't be limited to the team's DAGs, and shows what others have; give it to a role in roles/"
