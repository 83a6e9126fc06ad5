"""A small include/ folder of roles, teams and specs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

VIEWER: dict[str, Any] = {
    "level": "viewer",
    "description": "Sees.",
    "dags": ["can_read"],
    "permissions": {"DAG Runs": ["can_read"], "Task Logs": ["can_read"]},
}
OPERATOR: dict[str, Any] = {
    "level": "operator",
    "description": "Does.",
    "extends": "viewer",
    "dags": ["can_edit"],
    "permissions": {"DAG Runs": ["can_create"]},
}


def write(include: Path, path: str, document: dict[str, Any]) -> Path:
    """Write one file of rbac/."""
    file = include / "rbac" / f"{path}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file


def sync(include: Path, name: str, team: str) -> None:
    """Write the spec of a sync."""
    spec = {
        "sync": name,
        "description": f"What {name} shows.",
        "team": team,
        "owner": "bi@example.com",
        "source": {"query": "SELECT ID FROM CARS"},
        "target": {"spreadsheet_id": f"1{name:0>29}".replace("_", "-"), "tab": name},
        "mode": "replace",
        "columns": [{"name": "ID", "type": "integer"}],
    }
    file = include / "specs" / "sheets" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(spec), encoding="utf-8")


def small(include: Path, *teams: str) -> Path:
    """Two levels, and teams with a sync and a file each."""
    write(include, "team_roles/viewer", VIEWER)
    write(include, "team_roles/operator", OPERATOR)
    for team in teams:
        write(include, f"teams/{team}", {"team": team})
        sync(include, f"{team}_cars", team)
    return include
