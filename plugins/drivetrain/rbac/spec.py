"""The files of include/rbac/: roles that every team has, roles of their own, and teams."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from drivetrain.rbac.permissions import BUILTIN, KNOWN, Permission, leak_of
from drivetrain.spec_types import Slug
from drivetrain.specs import ClosedModel

TEAM_PREFIX = "team_"
MAX_ROLE_NAME = 64  # characters: FAB's column ab_role.name

Action = Literal["can_read", "can_create", "can_edit", "can_delete", "menu_access"]
DagAction = Literal["can_read", "can_edit", "can_delete"]
# No underscore, so that the name of a team's role can be read in one way only.
Level = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,20}$")]
RoleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
DagId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,245}$")]
Group = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Username = Annotated[str, StringConstraints(pattern=r"^\S{1,512}$")]
Description = Annotated[str, StringConstraints(min_length=1, max_length=300)]


def _known(table: dict[str, tuple[Action, ...]]) -> dict[str, tuple[Action, ...]]:
    resources = {permission.resource for permission in KNOWN}
    for resource, actions in table.items():
        if resource not in resources:
            close = difflib.get_close_matches(resource, sorted(resources), n=1)
            there = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(resources))}"
            raise ValueError(f"FAB has no resource {resource!r}; {there}")
        for action in actions:
            if Permission(action, resource) not in KNOWN:
                possible = sorted(known.action for known in KNOWN if known.resource == resource)
                raise ValueError(f"{resource}: nothing asks for {action} here; possible are {', '.join(possible)}")
    return table


Permissions = Annotated[
    dict[str, Annotated[tuple[Action, ...], Field(min_length=1)]],
    AfterValidator(_known),
]


def pairs(table: Mapping[str, tuple[str, ...]]) -> frozenset[Permission]:
    """A spec's table of permissions, as FAB holds them."""
    return frozenset(Permission(action, resource) for resource, actions in table.items() for action in actions)


class Members(ClosedModel):
    """Who has a role.

    Attributes:
        groups: of the identity provider, by the names that it sends at a login.
        users: of Airflow, by their names: these and nobody else. Left out: nobody is given the role here or loses it.
    """

    groups: tuple[Group, ...] = ()
    users: tuple[Username, ...] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.groups and self.users is not None:
            raise ValueError("groups or users, not both: a login by groups sets its user's roles anew")
        return self


class TeamRoleSpec(ClosedModel):
    """A role that each team has, as team_<team>_<level>: include/rbac/team_roles/<level>.yaml.

    Attributes:
        level: such as viewer.
        extends: another level, whose rights it has too.
        dags: what it may do with the team's DAGs.
        permissions: what belongs to a DAG or is the same for all. Airflow asks for the right on the DAG besides.
    """

    level: Level
    description: Description
    extends: Level | None = None
    dags: tuple[DagAction, ...] = ()
    permissions: Permissions = Field(default_factory=dict)

    @model_validator(mode="after")
    def _keeps_to_the_team(self) -> Self:
        for permission in sorted(pairs(self.permissions)):
            if why := leak_of(permission):
                raise ValueError(f"permissions.{permission.resource}: {permission.action} {why}")
        return self


class RoleSpec(ClosedModel):
    """A role for all DAGs, or what is added to one of FAB's own: include/rbac/roles/<role>.yaml.

    Attributes:
        role: its name.
        builtin: it is FAB's own. Rights are added to it and never taken: FAB would put them back at its next start.
        dags: what it may do with every DAG.
        permissions: by resource.
        members: who has it.
    """

    role: RoleName
    description: Description
    builtin: bool = False
    dags: tuple[DagAction, ...] = ()
    permissions: Permissions = Field(default_factory=dict)
    members: Members = Members()

    @model_validator(mode="after")
    def _name_is_free(self) -> Self:
        if self.role == "Public":
            raise ValueError("role: Public is who is not logged in: nothing is given to them by these files")
        if self.builtin != (self.role in BUILTIN):
            fix = "choose another name, or say builtin: true" if self.role in BUILTIN else "leave builtin out"
            raise ValueError(f"role: {self.role} is {'' if self.role in BUILTIN else 'not '}FAB's own; {fix}")
        if self.role.startswith(TEAM_PREFIX):
            raise ValueError(f"role: names with {TEAM_PREFIX} are those of teams' roles: choose another")
        return self


class TeamAccessSpec(ClosedModel):
    """A team, and who is in it: include/rbac/teams/<team>.yaml.

    Attributes:
        team: as the specs name it.
        dags: DAGs of the team that are made from no spec.
        members: by level.
    """

    team: Slug
    dags: tuple[DagId, ...] = ()
    members: dict[Level, Members] = Field(default_factory=dict)


def team_role(team: str, level: str) -> str:
    """The name of a team's role."""
    return f"{TEAM_PREFIX}{team}_{level}"
