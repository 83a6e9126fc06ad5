"""Which groups of the identity provider give which roles, for FAB's logins by OAuth, OIDC or LDAP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivetrain.rbac.catalog import load_rbac
from drivetrain.rbac.permissions import ADMIN_ROLE
from drivetrain.rbac.spec import team_role

if TYPE_CHECKING:
    from pathlib import Path

    from drivetrain.rbac.catalog import Rbac


def roles_of_groups(rbac: Rbac) -> dict[str, list[str]]:
    """Group -> roles, both in the order of their names."""
    given = [(group, role.role) for role in rbac.roles.values() for group in role.members.groups]
    given += [
        (group, team_role(team, level))
        for team in rbac.dags
        for level in rbac.levels
        for group in rbac.members(team, level).groups
    ]
    return {
        group: sorted(role for named, role in given if named == group)
        for group in sorted({group for group, _ in given})
    }


def auth_roles_mapping(include: Path) -> dict[str, list[str]]:
    """FAB's AUTH_ROLES_MAPPING, for `webserver_config.py`, which goes with AUTH_ROLES_SYNC_AT_LOGIN = True.

    https://flask-appbuilder.readthedocs.io/en/latest/security.html

    Args:
        include: the folder with rbac/ and specs/.

    Raises:
        SpecError: a file is wrong.
    """
    return roles_of_groups(load_rbac(include))


def problems(rbac: Rbac) -> list[str]:
    """What is well-formed and still wrong, a line each: for `drivetrain rbac lint`."""
    found = [
        f"include/rbac/teams/{team}.yaml: there is no such file, and team {team} has DAGs: say who may see them"
        for team, dags in rbac.dags.items()
        if dags and team not in rbac.teams
    ]
    found += [
        f"include/rbac/teams/{team}.yaml: team: no spec names {team}, and dags is empty: correct the name, or remove it"
        for team, dags in rbac.dags.items()
        if not dags
    ]
    mapping = roles_of_groups(rbac)
    if mapping and not any(ADMIN_ROLE in roles for roles in mapping.values()):
        found.append(
            f"include/rbac/roles/{ADMIN_ROLE}.yaml: members.groups: no group gives {ADMIN_ROLE}: logins by groups set "
            "roles anew, so every admin would lose it at the next one"
        )
    return found
