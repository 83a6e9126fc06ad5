"""Groups of the identity provider, as FAB's AUTH_ROLES_MAPPING."""

from __future__ import annotations

from pathlib import Path

from drivetrain.rbac.groups import auth_roles_mapping
from tests.support.rbac import small, write

INCLUDE = Path(__file__).parents[4] / "include"


def test_a_group_gives_all_roles_that_name_it(tmp_path: Path) -> None:
    small(tmp_path, "growth", "lending")
    for team in ("growth", "lending"):
        members = {"viewer": {"groups": ["everybody", team]}, "operator": {"groups": [f"{team}-ops"]}}
        write(tmp_path, f"teams/{team}", {"team": team, "members": members})
    admins = {
        "role": "Admin",
        "description": "FAB's.",
        "builtin": True,
        "members": {"groups": ["admins", "growth-ops"]},
    }
    write(tmp_path, "roles/Admin", admins)
    assert auth_roles_mapping(tmp_path) == {
        "admins": ["Admin"],
        "everybody": ["team_growth_viewer", "team_lending_viewer"],
        "growth": ["team_growth_viewer"],
        "growth-ops": ["Admin", "team_growth_operator"],
        "lending": ["team_lending_viewer"],
        "lending-ops": ["team_lending_operator"],
    }


def test_the_repositorys_groups_give_each_team_its_own_roles_alone() -> None:
    mapping = auth_roles_mapping(INCLUDE)
    assert mapping
    for group, roles in mapping.items():
        teams = {role.split("_")[1] for role in roles if role.startswith("team_")}
        assert len(teams) <= 1, group
        assert all(team in group for team in teams), group
