"""All of include/rbac/, read, held against the specs, and turned into the roles that there should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from drivetrain.errors import SpecError
from drivetrain.features.catalog import PREFIX, TRAINING_PREFIX, load_features, load_training_sets
from drivetrain.rbac.permissions import DAGS, HOMEPAGE, Permission, on_dag
from drivetrain.rbac.plan import WantedRole
from drivetrain.rbac.spec import MAX_ROLE_NAME, Members, RoleSpec, TeamAccessSpec, TeamRoleSpec, pairs, team_role
from drivetrain.sheets.catalog import load_teams
from drivetrain.sheets.load_catalog import load_load_teams
from drivetrain.specs import ClosedModel, load_specs
from drivetrain.teams import UNASSIGNED

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "rbac"
M = TypeVar("M", bound=ClosedModel)


@dataclass(frozen=True)
class Rbac:
    """What the files say.

    Attributes:
        levels: the roles that each team has, by level.
        roles: all others, by name.
        teams: the files of teams, by team.
        dags: the DAGs of each team that has a file or a spec.
    """

    levels: Mapping[str, TeamRoleSpec]
    roles: Mapping[str, RoleSpec]
    teams: Mapping[str, TeamAccessSpec]
    dags: Mapping[str, tuple[str, ...]]

    def members(self, team: str, level: str) -> Members:
        """Who has a team's role."""
        access = self.teams.get(team)
        return access.members.get(level, Members()) if access else Members()


def load_rbac(include: Path) -> Rbac:
    """Read the files.

    Raises:
        SpecError: there are none, or one is wrong: one line with the file, the key and the fix.
    """
    folder = include / FOLDER
    if not folder.is_dir():
        raise SpecError(f"{folder.absolute()}: there is no such folder: run this in the repository, or name --include")
    levels = _by_name(folder / "team_roles", TeamRoleSpec, "level")
    roles = _by_name(folder / "roles", RoleSpec, "role")
    teams = _by_name(folder / "teams", TeamAccessSpec, "team")
    if not levels:
        raise SpecError(f"{folder / 'team_roles'}: there is no *.yaml: without a level no team has a role")
    _check_extends(folder, levels)
    dags = _team_dags(include, folder, teams)
    for team in dags:
        for level in levels:
            if len(name := team_role(team, level)) > MAX_ROLE_NAME:
                raise SpecError(
                    f"{folder}: the role {name} has more than FAB's {MAX_ROLE_NAME} characters: rename {team}"
                )
    for team, access in teams.items():
        if unknown := sorted(set(access.members) - set(levels)):
            known = ", ".join(sorted(levels))
            raise SpecError(
                f"{folder / 'teams' / team}.yaml: members.{unknown[0]}: there is no such level; there are: {known}"
            )
    return Rbac(levels, roles, teams, dags)


def wanted_roles(rbac: Rbac) -> tuple[WantedRole, ...]:
    """The roles that there should be, in the order of their names."""
    wanted = [
        WantedRole(
            name=team_role(team, level),
            permissions=team_permissions(rbac, level, dags),
            users=_users(rbac.members(team, level)),
        )
        for team, dags in rbac.dags.items()
        for level in rbac.levels
    ]
    wanted += [
        WantedRole(
            name=role.role,
            permissions=role_permissions(role),
            users=_users(role.members),
            is_builtin=role.builtin,
        )
        for role in rbac.roles.values()
    ]
    return tuple(sorted(wanted, key=lambda role: role.name))


def team_permissions(rbac: Rbac, level: str, dags: tuple[str, ...]) -> frozenset[Permission]:
    """What a level gives a team that has these DAGs."""
    found = {HOMEPAGE}
    following: str | None = level
    while following is not None:
        spec = rbac.levels[following]
        found |= pairs(spec.permissions)
        found |= {on_dag(action, dag) for dag in dags for action in spec.dags}
        following = spec.extends
    return frozenset(found)


def role_permissions(role: RoleSpec) -> frozenset[Permission]:
    """What a role of its own gives; of one of FAB's own, what is added."""
    found = pairs(role.permissions) | {Permission(action, DAGS) for action in role.dags}
    return found if role.builtin else found | {HOMEPAGE}


def _users(members: Members) -> frozenset[str] | None:
    return None if members.users is None else frozenset(members.users)


def _by_name(folder: Path, model: type[M], key: str) -> dict[str, M]:
    found: dict[str, M] = {}
    for path, spec in load_specs(folder, model).items():
        name = str(getattr(spec, key))
        if name != path.stem:
            raise SpecError(f"{path}: {key}: {name!r} is not the file's name, call the file {name}.yaml")
        if name in found:
            raise SpecError(f"{path}: {key}: another file has {name} too, leave one of them")
        found[name] = spec
    return found


def _check_extends(folder: Path, levels: Mapping[str, TeamRoleSpec]) -> None:
    for level in levels:
        seen: list[str] = []
        following: str | None = level
        while following is not None:
            path = folder / "team_roles" / f"{seen[-1] if seen else level}.yaml"
            if following not in levels:
                known = ", ".join(sorted(levels))
                raise SpecError(f"{path}: extends: there is no level {following}; there are: {known}")
            if following in seen:
                raise SpecError(f"{path}: extends: {following} extends itself by {' -> '.join([*seen, following])}")
            seen.append(following)
            following = levels[following].extends


def _team_dags(include: Path, folder: Path, teams: Mapping[str, TeamAccessSpec]) -> dict[str, tuple[str, ...]]:
    """The DAGs of each team: those that are made of its specs, and those that its file names.

    A broken spec is its team's own here too: its DAG is there, with a task that says why.
    """
    found: dict[str, set[str]] = {team: set() for team in teams}
    for kind, owners in (("sync", load_teams(include)), ("load", load_load_teams(include))):
        for owner in owners:
            if owner.team != UNASSIGNED:
                found.setdefault(owner.team, set()).add(f"sheets_{kind}_{owner.team}")
    features, training = load_features(include), load_training_sets(include)
    owned = [(spec.team, f"{PREFIX}{spec.view}") for spec in features.specs]
    owned += [(each.spec.team, f"{TRAINING_PREFIX}{each.spec.training_set}") for each in training.sets]
    for prefix, specs in ((PREFIX, features.broken), (TRAINING_PREFIX, training.broken)):
        owned += [(spec.team, f"{prefix}{spec.task_id}") for spec in specs if spec.team != UNASSIGNED]
    for team, dag in owned:
        found.setdefault(team, set()).add(dag)
    owner_of = {dag: team for team, dags in found.items() for dag in dags}
    for team, access in sorted(teams.items()):
        for dag in access.dags:
            if (other := owner_of.setdefault(dag, team)) != team:
                raise SpecError(f"{folder / 'teams' / team}.yaml: dags: {dag} is team {other}'s: a DAG has one team")
            found[team].add(dag)
    return {team: tuple(sorted(found[team])) for team in sorted(found)}
